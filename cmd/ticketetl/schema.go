package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

func (a *app) schemaCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "schema -o FILE", Short: "Save the account's properties, pipelines, owners and association labels",
		Long: `Writes the account's definitions to FILE. validate and init take them from there
with --schema and then need neither a token nor a network. The file holds names
and addresses of owners, and only its owner can read it.`,
		Example: "  ticketetl schema -o schema.json",
		Args:    wordsBetween(0, 0, "only flags, and the file to write is named with -o"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.runSchema(cmd.Context(), output) },
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to this `file` (required)")
	a.accountFlags(cmd.Flags())
	return cmd
}

func (a *app) runSchema(ctx context.Context, output string) (err error) {
	if output == "" {
		return errors.New("name the file to write, e.g. ticketetl schema -o schema.json")
	}
	conn, err := a.connect(ctx, a.newProgress(), hubspot.Everything)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.close()) }()
	s := conn.schema
	if err := s.Save(output); err != nil {
		return err
	}
	if a.flags.format == "json" {
		return a.writeJSON(map[string]any{
			"command": "schema", "output": output, "account": s.Account.ID, "fingerprint": s.Fingerprint(),
			"properties": len(s.Properties), "pipelines": len(s.Pipelines), "owners": len(s.Owners),
		})
	}
	_, err = fmt.Fprintf(a.out, "%s of %s, %s and %s written to %s (fingerprint %s).\n",
		plural(int64(len(s.Properties)), "property", "properties"), accountText(s.Account),
		plural(int64(len(s.Pipelines)), "pipeline", "pipelines"), plural(int64(len(s.Owners)), "owner", "owners"),
		output, s.Fingerprint())
	return err
}
