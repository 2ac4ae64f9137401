package main

import (
	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/config"
)

func (p *program) settingsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the settings in force, each with its origin; secrets are masked",
		Long: `Print the settings that serve would run with if it were given the same flags here,
each with the flag, environment variable or line of gatehouse.yaml that set it.
A flag wins over the environment, the environment over the file. Secrets are masked.`,
		Example: `  gatehouse config
  GATEHOUSE_DATA=/srv/gatehouse gatehouse config --output json
  gatehouse config --config /etc/gatehouse.yaml   check a file before a restart`,
		Args: cobra.NoArgs,
	}
	config.AddFlags(cmd.Flags())
	out := addOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := p.settings(cmd)
		if err != nil {
			return err
		}
		table := [][]string{{"SETTING", "VALUE", "ORIGIN"}}
		for _, s := range c.Effective() {
			table = append(table, []string{s.Name, s.Value, s.Origin})
		}
		return out.print(p.out, c.Effective(), table)
	}
	return cmd
}
