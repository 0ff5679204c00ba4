package main

import (
	"github.com/spf13/cobra"

	"github.com/ticketetl/ticketetl/etl/transform"
)

func (a *app) mappingCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "mapping", Short: "What the program knows of mapping files", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of mapping files, for editors",
		Long: `Prints the JSON Schema (draft 2020-12) of mapping files. An editor that knows it
completes keys and underlines faults. In a mapping, name the file in the first line:

  # yaml-language-server: $schema=mapping.schema.json`,
		Example: "  ticketetl mapping schema > mapping.schema.json",
		Args:    wordsBetween(0, 0, "only flags"),
		RunE: func(*cobra.Command, []string) error {
			_, err := a.out.Write(transform.JSONSchema)
			return err
		},
	})
	return cmd
}
