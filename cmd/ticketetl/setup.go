package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ticketetl/ticketetl/etl/load"
	"github.com/ticketetl/ticketetl/internal/hubspot"
	"github.com/ticketetl/ticketetl/internal/schema"
)

func (a *app) setupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "setup", Short: "Prepare an account for imports",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.setupRowKeyCommand())
	return cmd
}

func (a *app) setupRowKeyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "row-key", Short: "Create the property that lets no row of a file become two tickets",
		Long: `Creates one ticket property, ` + load.RowKeyProperty + `, whose values are unique. An
import that creates tickets from rows without a key of their own writes a key into
it. When HubSpot's answer to a row is lost, the ticket is found by that key, and
HubSpot refuses a second one. No ticket is changed.

` + exitHelp,
		Example: `  ticketetl setup row-key
  ticketetl setup row-key --yes --account 48120077`,
		Args: wordsBetween(0, 0, "only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runSetupRowKey(cmd.Context()) },
	}
	f := cmd.Flags()
	f.BoolVar(&a.flags.yes, "yes", false, "do not ask; needed where nobody can answer")
	a.accountFlags(f)
	return cmd
}

// rowKey is the definition of the property for row keys.
func rowKey() schema.Property {
	return schema.Property{
		Name: load.RowKeyProperty, Label: "ticketetl row key", Type: "string", FieldType: "text",
		GroupName: "ticketinformation", HasUniqueValue: true,
		Description: "Which row of which import this ticket was made of. Written by ticketetl, so that no row becomes two tickets; see docs/duplicates.md there.",
	}
}

func (a *app) runSetupRowKey(ctx context.Context) (err error) {
	conn, err := a.connect(ctx, a.newProgress(), hubspot.Want{Properties: []string{}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.close()) }()
	account := accountText(conn.schema.Account)
	if p := conn.schema.Property(load.RowKeyProperty); p != nil && !p.Archived {
		if err := usableRowKey(p); err != nil {
			return fmt.Errorf("%w; nothing was changed in %s", err, account)
		}
		return a.tellRowKey(conn, false, fmt.Sprintf("%s has the property %s already. Nothing left to do.", account, p.Name))
	}
	if err := a.mayCreateRowKey(account); err != nil {
		return err
	}
	if err := createRowKey(ctx, conn.client); err != nil {
		return err
	}
	return a.tellRowKey(conn, true, fmt.Sprintf("The property %s is created in %s.\nImports that create tickets without a key use it from now on.", load.RowKeyProperty, account))
}

// mayCreateRowKey shows what is about to be done and asks.
func (a *app) mayCreateRowKey(account string) error {
	p := rowKey()
	fmt.Fprintf(a.err, `This creates one ticket property in %s:
  name         %s
  label        %s
  type         single-line text, unique values
  group        %s
  description  %s
HubSpot allows ten properties with unique values; one cannot be made unique later.
No ticket is changed.
`, account, p.Name, p.Label, p.GroupName, p.Description)
	switch {
	case a.flags.yes:
		return nil
	case !a.inTerm:
		return &notConfirmed{"nobody can answer here, so nothing was created; add --yes to create it"}
	case !a.ask("Create it?"):
		return &notConfirmed{"not confirmed; nothing was created"}
	}
	return nil
}

// createRowKey creates the property and holds the answer against what was asked
// for. Where the answer is lost, the account's properties tell.
func createRowKey(ctx context.Context, client *hubspot.Client) error {
	made, err := client.CreateProperty(ctx, "tickets", rowKey())
	var refusal *hubspot.Error
	if errors.Is(err, hubspot.ErrInDoubt) || errors.As(err, &refusal) && refusal.Category == "OBJECT_ALREADY_EXISTS" {
		all, lookErr := client.Properties(ctx, "tickets", false)
		if lookErr != nil {
			return errors.Join(err, lookErr)
		}
		for i := range all {
			if all[i].Name == load.RowKeyProperty {
				return usableRowKey(&all[i])
			}
		}
		return fmt.Errorf("%w; it is not there, so the same command can be run again", err)
	}
	if err != nil {
		return err
	}
	return usableRowKey(&made)
}

func usableRowKey(p *schema.Property) error {
	if p.HasUniqueValue && p.Type == "string" {
		return nil
	}
	return fmt.Errorf("a ticket property %s exists, and it is not one of text with unique values, so it cannot hold row keys; delete it in HubSpot (Settings, Properties, also from the archive), then run this again", p.Name)
}

func (a *app) tellRowKey(conn *connection, created bool, text string) error {
	if a.flags.format == "json" {
		return a.writeJSON(map[string]any{
			"command": "setup row-key", "property": load.RowKeyProperty, "created": created, "account": conn.schema.Account.ID,
		})
	}
	_, err := fmt.Fprintln(a.out, text)
	return err
}
