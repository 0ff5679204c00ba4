package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/sandbox"
)

// imports makes a file and its mapping.
func (p *pacing) imports() (work, error) {
	p.rows = cmp.Or(p.rows, 100_000)
	f, err := os.Create(p.path("pace.csv"))
	if err != nil {
		return work{}, err
	}
	out := bufio.NewWriter(f)
	fmt.Fprintln(out, "Subject")
	for i := range p.rows {
		fmt.Fprintf(out, "Ticket %d\n", i)
	}
	mapping := "version: 1\noperation: create\nproperties: {subject: Subject, hs_pipeline: {value: \"0\"}, hs_pipeline_stage: {value: New}}\n"
	w := work{
		name: fmt.Sprintf("Import of %d rows", p.rows), leastUsed: 0.97, mostCalls: 1.05, account: sandbox.New,
		args: []string{"import", "-m", p.path("pace.yaml"), "--runs", p.path("runs"), "--yes", p.path("pace.csv")},
		check: func(account *sandbox.Server) error {
			if n := len(account.Tickets(false)); n != p.rows {
				return fmt.Errorf("%d rows were imported, and the account has %d tickets", p.rows, n)
			}
			return os.RemoveAll(p.path("runs"))
		},
	}
	return w, errors.Join(out.Flush(), f.Close(), os.WriteFile(p.path("pace.yaml"), []byte(mapping), 0o644))
}

// exports makes an account with tickets, of which each export has a copy. Their ids
// are uneven, as the sandbox gives them out, and a tenth of them are in the recycle
// bin, in stretches.
func (p *pacing) exports() (work, error) {
	p.rows = cmp.Or(p.rows, 133_000)
	state, output := p.path("pace.json"), p.path("pace-export.csv")
	account := func(opts sandbox.Options) (*sandbox.Server, error) {
		opts.Data = state
		return sandbox.New(opts)
	}
	w := work{
		name: fmt.Sprintf("Export of %d tickets", p.rows), leastUsed: 0.95, mostCalls: 1.05, account: account,
		args: []string{"export", "-o", output, "--again"},
		check: func(*sandbox.Server) error {
			if n, err := countRows(output); err != nil || n != p.rows {
				return errors.Join(err, fmt.Errorf("%d tickets were exported, and the file has %d rows", p.rows, n))
			}
			return nil
		},
	}
	if err := os.RemoveAll(state); err != nil {
		return w, err
	}
	full, err := account(sandbox.Options{Limits: sandbox.Unlimited, IndexLag: -1})
	if err != nil {
		return w, err
	}
	return w, errors.Join(fill(full, p.rows), full.Close())
}

// fill creates n tickets that stay, and others among them that are archived.
func fill(account *sandbox.Server, n int) error {
	client, err := hubspot.New(hubspot.Options{BaseURL: "http://127.0.0.1", Transport: account.Transport(), Tokens: hubspot.StaticToken("x")})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(context.Background())
	group.SetLimit(4)
	for from := 0; from < n; from += batch {
		group.Go(func() error {
			if err := create(ctx, client, from, min(batch, n-from), false); err != nil || from/batch%10 != 5 {
				return err
			}
			return create(ctx, client, from, batch, true)
		})
	}
	return group.Wait()
}

func create(ctx context.Context, client *hubspot.Client, from, n int, archive bool) error {
	in := make([]hubspot.CreateInput, n)
	for i := range in {
		in[i].Properties = []hubspot.Property{{Name: "subject", Value: fmt.Sprint("Ticket ", from+i)}, {Name: "hs_pipeline", Value: "0"}, {Name: "hs_pipeline_stage", Value: "1"}}
	}
	results, err := client.CreateBatch(ctx, "tickets", in)
	if err != nil || !archive {
		return err
	}
	ids := make([]string, len(results))
	for i, r := range results {
		ids[i] = r.ID
	}
	return client.ArchiveBatch(ctx, "tickets", ids)
}

func countRows(path string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	rows := csv.NewReader(f)
	for n := -1; ; n++ { // without the header
		if _, err := rows.Read(); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
}
