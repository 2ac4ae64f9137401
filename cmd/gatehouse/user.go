package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/organization"
	"github.com/gatehouse/gatehouse/internal/server"
)

func (p *program) userCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Make, list, change and delete people",
		Long: `Work on people in the store directly, also while a server runs on it: the server learns
of it at once.`,
		Example: "  gatehouse user create john@johns.org --org acme --role subscriber --password-file -\n  gatehouse user list --org acme",
	}
	cmd.AddCommand(p.userCreateCommand(), p.userListCommand(), p.userRolesCommand(), p.userDeleteCommand(), p.userPasswordCommand(), p.userImportCommand())
	return cmd
}

// addOrg gives cmd the flag that names an organization.
func addOrg(cmd *cobra.Command) *string {
	return cmd.Flags().String("org", gatehouse.DefaultOrganization, "key of the organization")
}

// addPasswordFile gives cmd the flag that names where a password is read.
func addPasswordFile(cmd *cobra.Command) *string {
	return cmd.Flags().String("password-file", "", "file whose first line is the password; - is standard input")
}

// password reads a password: the first line of a file, without its end. It is not taken
// as an argument because every user of the machine sees those.
func (p *program) password(cmd *cobra.Command, path string) (string, error) {
	if path == "" {
		return "", wrongUsage(cmd, "say where the password is: --password-file FILE, or --password-file - to type or pipe it")
	}
	return p.firstLine("password-file", path, gatehouse.MaxPassword)
}

// firstLine reads the first line of a file, without its end and up to a length in bytes;
// - is standard input. name is the flag that said so.
func (p *program) firstLine(name, path string, length int64) (string, error) {
	in := p.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		defer f.Close()
		in = f
	}
	line, err := bufio.NewReader(io.LimitReader(in, length+2)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), nil
}

// userJSON is a member as --output json prints it.
type userJSON struct {
	Username     string           `json:"username"`
	Name         string           `json:"name"`
	Organization string           `json:"organization"`
	Roles        []gatehouse.Role `json:"roles"`
	Disabled     bool             `json:"disabled"`
	CreatedAt    time.Time        `json:"createdAt"`
}

func printUsers(p *program, out *output, one bool, members ...*gatehouse.Member) error {
	table := [][]string{{"USERNAME", "NAME", "ORGANIZATION", "ROLES", "CREATED"}}
	list := []userJSON{}
	for _, m := range members {
		roles := make([]string, len(m.Roles))
		for i, r := range m.Roles {
			roles[i] = string(r)
		}
		table = append(table, []string{m.Username, m.Name, m.Organization.Key, strings.Join(roles, ","), m.CreatedAt.UTC().Format(time.DateTime)})
		list = append(list, userJSON{m.Username, m.Name, m.Organization.Key, m.Roles, m.Disabled, m.CreatedAt.UTC()})
	}
	if one {
		return out.print(p.out, list[0], table)
	}
	return out.print(p.out, list, table)
}

func (p *program) userCreateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create USERNAME",
		Short: "Make a user and a member of an organization",
		Long: `Make a user, an e-mail address or a plain name, and a member of an organization. A user
who exists already becomes a member too, when the password is theirs. The roles admin,
publisher, creator and subscriber are built in; others are made.`,
		Example: `  gatehouse user create john@johns.org --org acme --role subscriber --role editor --password-file john.txt
  printf %s "$PASSWORD" | gatehouse user create admin2 --role admin --password-file -`,
		Args: cobra.ExactArgs(1),
	}
	addStore(cmd)
	org := addOrg(cmd)
	name := cmd.Flags().String("name", "", "what to call them")
	roles := cmd.Flags().StringSlice("role", []string{string(gatehouse.Subscriber)}, "role in the organization; may be repeated")
	passwordFile := addPasswordFile(cmd)
	out := addOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		password, err := p.password(cmd, *passwordFile)
		if err != nil {
			return err
		}
		u := organization.NewUser{Username: args[0], Name: *name, Password: password, OrgKey: *org}
		for _, r := range *roles {
			u.Roles = append(u.Roles, gatehouse.Role(r))
		}
		return p.withServices(cmd, func(ctx context.Context, s *server.Services) error {
			m, err := s.Organization.CreateUser(ctx, u)
			if err != nil {
				return err
			}
			return printUsers(p, out, true, m)
		})
	}
	return cmd
}

func (p *program) userListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List an organization's people and their roles",
		Example: "  gatehouse user list --org acme\n  gatehouse user list --org acme --output json",
		Args:    cobra.NoArgs,
	}
	addStore(cmd)
	org := addOrg(cmd)
	out := addOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return p.withServices(cmd, func(ctx context.Context, s *server.Services) error {
			const page = 500
			var all []*gatehouse.Member
			for {
				members, err := s.Organization.OrganizationMembers(ctx, *org, len(all), page)
				if err != nil {
					return err
				}
				if all = append(all, members...); len(members) < page {
					return printUsers(p, out, false, all...)
				}
			}
		})
	}
	return cmd
}

func (p *program) userRolesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "roles USERNAME",
		Short: "Give a user other roles in an organization",
		Long: `Give a user the roles that they hold in an organization from now on, in place of those
they had. New tokens, refreshed tokens and opaque tokens that live hold the scopes of the
new roles at once; a JWT holds what it was issued with until it ends.`,
		Example: "  gatehouse user roles john@johns.org --org acme --role subscriber --role editor",
		Args:    cobra.ExactArgs(1),
	}
	addStore(cmd)
	org := addOrg(cmd)
	names := cmd.Flags().StringSlice("role", nil, "role in the organization; may be repeated, none takes all away")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		roles := make([]gatehouse.Role, len(*names))
		for i, name := range *names {
			roles[i] = gatehouse.Role(name)
		}
		return p.withServices(cmd, func(ctx context.Context, s *server.Services) error {
			if err := s.Organization.SetRoles(ctx, *org, args[0], roles); err != nil {
				return err
			}
			_, err := fmt.Fprintf(p.err, "changed the roles of %s in organization %s\n", args[0], *org)
			return err
		})
	}
	return cmd
}

func (p *program) userDeleteCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "delete USERNAME",
		Short:   "Remove a user from an organization",
		Long:    "Remove a user from an organization. Tokens that speak for them there end at once.",
		Example: "  gatehouse user delete john@johns.org --org acme",
		Args:    cobra.ExactArgs(1),
	}
	addStore(cmd)
	org := addOrg(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.withServices(cmd, func(ctx context.Context, s *server.Services) error {
			if err := s.Organization.RemoveMember(ctx, *org, args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(p.err, "removed %s from organization %s\n", args[0], *org)
			return err
		})
	}
	return cmd
}

func (p *program) userPasswordCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "password USERNAME",
		Short:   "Give a user a new password",
		Long:    "Give a user a new password. Their sessions and every token that speaks for them end at once.",
		Example: "  gatehouse user password admin --password-file -",
		Args:    cobra.ExactArgs(1),
	}
	addStore(cmd)
	passwordFile := addPasswordFile(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		password, err := p.password(cmd, *passwordFile)
		if err != nil {
			return err
		}
		return p.withServices(cmd, func(ctx context.Context, s *server.Services) error {
			if err := s.Organization.SetPassword(ctx, args[0], password); err != nil {
				return err
			}
			_, err := fmt.Fprintf(p.err, "changed the password of %s\n", args[0])
			return err
		})
	}
	return cmd
}
