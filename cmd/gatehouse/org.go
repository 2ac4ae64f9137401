package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/server"
)

func (p *program) orgCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "org",
		Short: "Make, list, change and delete organizations",
		Long: `Work on organizations in the store directly, also while a server runs on it: the server
learns of it at once.`,
		Example: "  gatehouse org create acme --name 'Acme Inc.'\n  gatehouse org list --output json",
	}
	cmd.AddCommand(p.orgCreateCommand(), p.orgListCommand(), p.orgUpdateCommand(), p.orgDeleteCommand())
	return cmd
}

// withServices opens the store that the settings name and calls do with the services
// on it.
func (p *program) withServices(cmd *cobra.Command, do func(context.Context, *server.Services) error) error {
	c, err := p.settings(cmd)
	if err != nil {
		return err
	}
	s, err := server.OpenServices(cmd.Context(), c, p.log(c))
	if err != nil {
		return err
	}
	return errors.Join(do(cmd.Context(), s), s.Close())
}

// addStore gives cmd the flags that say which store it works on.
func addStore(cmd *cobra.Command) { config.AddFlags(cmd.Flags(), "data", "database") }

// orgJSON is an organization as --output json prints it.
type orgJSON struct {
	Key           string    `json:"key"`
	Name          string    `json:"name"`
	CreatedAt     time.Time `json:"createdAt"`
	PasswordGrant string    `json:"passwordGrant"` // on, off or deprecated
	SignUp        bool      `json:"signUp"`
	NeverExpiring bool      `json:"neverExpiring"`
}

func printOrgs(p *program, out *output, one bool, orgs ...gatehouse.Organization) error {
	table := [][]string{{"KEY", "NAME", "CREATED"}}
	list := []orgJSON{}
	for _, o := range orgs {
		table = append(table, []string{o.Key, o.Name, o.CreatedAt.UTC().Format(time.DateTime)})
		list = append(list, orgJSON{o.Key, o.Name, o.CreatedAt.UTC(), passwordGrant(&o), o.SignUp, o.NeverExpiring})
	}
	if one {
		return out.print(p.out, list[0], table)
	}
	return out.print(p.out, list, table)
}

func (p *program) orgCreateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "create KEY",
		Short:   "Make an organization",
		Long:    "Make an organization. Its key is short, ends the usernames of its people at the Token API, and never changes.",
		Example: "  gatehouse org create acme --name 'Acme Inc.'",
		Args:    cobra.ExactArgs(1),
	}
	addStore(cmd)
	name := cmd.Flags().String("name", "", "what people call it (default: the key)")
	out := addOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.withServices(cmd, func(ctx context.Context, s *server.Services) error {
			if *name == "" {
				*name = args[0]
			}
			org, err := s.Organization.CreateOrganization(ctx, args[0], *name)
			if err != nil {
				return err
			}
			return printOrgs(p, out, true, *org)
		})
	}
	return cmd
}

func (p *program) orgListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List organizations",
		Example: "  gatehouse org list\n  gatehouse org list --database postgres://gatehouse@db/gatehouse --output json",
		Args:    cobra.NoArgs,
	}
	addStore(cmd)
	out := addOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return p.withServices(cmd, func(ctx context.Context, s *server.Services) error {
			orgs, err := s.Organization.Organizations(ctx)
			if err != nil {
				return err
			}
			return printOrgs(p, out, false, orgs...)
		})
	}
	return cmd
}

// passwordGrant says where an organization stands to the password grant.
func passwordGrant(o *gatehouse.Organization) string {
	switch {
	case !o.PasswordGrant:
		return "off"
	case !o.PasswordDeprecated.IsZero():
		return "deprecated"
	}
	return "on"
}

// setPasswordGrant is what passwordGrant reads.
func setPasswordGrant(o *gatehouse.Organization, to string, now time.Time) {
	o.PasswordGrant = to != "off"
	switch {
	case to != "deprecated":
		o.PasswordDeprecated = time.Time{}
	case o.PasswordDeprecated.IsZero():
		o.PasswordDeprecated = now
	}
}

func (p *program) orgUpdateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "update KEY",
		Short: "Change what an organization allows",
		Long: `Change an organization. What no flag names stays as it is.

With --password-grant deprecated the grant goes on working, and every answer to it says
in the headers Deprecation and Link that it is on its way out.`,
		Example: "  gatehouse org update acme --password-grant deprecated\n  gatehouse org update acme --name 'Acme Inc.' --sign-up off",
		Args:    cobra.ExactArgs(1),
	}
	addStore(cmd)
	name := cmd.Flags().String("name", "", "what people call it")
	password := addChoice(cmd, "password-grant", "the password grant: on, off or deprecated", "on", "off", "deprecated")
	signUp := addChoice(cmd, "sign-up", "whether visitors may make themselves a user: on or off", "on", "off")
	never := addChoice(cmd, "never-expiring", "whether access tokens may have no end: on or off", "on", "off")
	out := addOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.withServices(cmd, func(ctx context.Context, s *server.Services) error {
			err := s.Organization.UpdateOrganization(ctx, args[0], func(o *gatehouse.Organization) {
				if *name != "" {
					o.Name = *name
				}
				if password.value != "" {
					setPasswordGrant(o, password.value, time.Now())
				}
				if signUp.value != "" {
					o.SignUp = signUp.value == "on"
				}
				if never.value != "" {
					o.NeverExpiring = never.value == "on"
				}
			})
			if err != nil {
				return err
			}
			org, err := s.Organization.Organization(ctx, args[0])
			if err != nil {
				return err
			}
			return printOrgs(p, out, true, *org)
		})
	}
	return cmd
}

func (p *program) orgDeleteCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "delete KEY",
		Short:   "Delete an organization with its APIs, applications and keys",
		Long:    "Delete an organization with all it owns. Its tokens end at once. There is no way back but a backup.",
		Example: "  gatehouse org delete acme",
		Args:    cobra.ExactArgs(1),
	}
	addStore(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.withServices(cmd, func(ctx context.Context, s *server.Services) error {
			if err := s.Organization.DeleteOrganization(ctx, args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(p.err, "deleted organization %s\n", args[0])
			return err
		})
	}
	return cmd
}
