package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/server"
)

func (p *program) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "List, rotate and revoke the keys that sign tokens",
		Long: `Work on the signing keys in the store directly, also while servers run on it: they learn
of it within a second. The setting --key-rotation of "serve" rotates them on schedule.

A key is published ahead of the moment from which it signs; then it signs; then it only
checks, until the last token that it signed has ended; then it is gone.`,
		Example: "  gatehouse keys list\n  gatehouse keys rotate\n  gatehouse keys revoke 5ZrbPQb2n0cJ7hXk",
	}
	cmd.AddCommand(p.keysListCommand(), p.keysRotateCommand(), p.keysRevokeCommand())
	return cmd
}

// keyJSON is a signing key as --output json prints it.
type keyJSON struct {
	ID        string             `json:"id"`
	Algorithm string             `json:"algorithm"`
	State     gatehouse.KeyState `json:"state"`
	CreatedAt time.Time          `json:"createdAt"`
	SignsAt   time.Time          `json:"signsAt"`
	Until     *time.Time         `json:"until"` // null where tokens that never expire may be signed with it
	RevokedAt *time.Time         `json:"revokedAt,omitempty"`
}

func printKeys(ctx context.Context, p *program, out *output, s *server.Services) error {
	ring, now, err := s.SigningKeys().List(ctx)
	if err != nil {
		return err
	}
	table := [][]string{{"KEY", "ALGORITHM", "STATE", "SIGNS FROM", "CHECKS UNTIL"}}
	list := []keyJSON{}
	for i := range ring {
		k := &ring[i]
		row := keyJSON{ID: k.ID, Algorithm: k.Algorithm, State: ring.State(k, now), CreatedAt: k.CreatedAt, SignsAt: k.SignsAt}
		until := "for good"
		if k.Until.Before(gatehouse.EndOfTime) {
			row.Until, until = &k.Until, k.Until.Format(time.DateTime)
		}
		if !k.RevokedAt.IsZero() {
			row.RevokedAt, until = &k.RevokedAt, "revoked "+k.RevokedAt.Format(time.DateTime)
		}
		table = append(table, []string{k.ID, k.Algorithm, string(row.State), k.SignsAt.Format(time.DateTime), until})
		list = append(list, row)
	}
	return out.print(p.out, list, table)
}

func (p *program) keysListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the signing keys and their states",
		Example: "  gatehouse keys list\n  gatehouse keys list --output json",
		Args:    cobra.NoArgs,
	}
	addStore(cmd)
	out := addOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return p.withServices(cmd, func(ctx context.Context, s *server.Services) error { return printKeys(ctx, p, out, s) })
	}
	return cmd
}

func (p *program) keysRotateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Let the next key of each algorithm sign, ahead of schedule",
		Long: `Let the next key of each algorithm sign after a while, ahead of schedule. Nobody is signed
out: tokens of the key before are good until they end. Keep the default where programs
read /jwks themselves: they may hold it for 5 minutes.`,
		Example: "  gatehouse keys rotate\n  gatehouse keys rotate --ahead 24h",
		Args:    cobra.NoArgs,
	}
	addStore(cmd)
	ahead := cmd.Flags().Duration("ahead", 10*time.Minute, "how long the new key is published before it signs, 2s or more")
	out := addOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return p.withServices(cmd, func(ctx context.Context, s *server.Services) error {
			if err := s.SigningKeys().RotateSoon(ctx, *ahead); err != nil {
				return err
			}
			return printKeys(ctx, p, out, s)
		})
	}
	return cmd
}

func (p *program) keysRevokeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke KEY",
		Short: "End a key that leaked, with every token that it signed",
		Long: `End a key that leaked. Every token that it signed is refused within a second on each node,
and another key signs at once. Refresh tokens stay good: programs get new access tokens with
them. There is no way back.`,
		Example: "  gatehouse keys revoke 5ZrbPQb2n0cJ7hXk",
		Args:    cobra.ExactArgs(1),
	}
	addStore(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.withServices(cmd, func(ctx context.Context, s *server.Services) error {
			if err := s.SigningKeys().Revoke(ctx, args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(p.err, "revoked the signing key %s\n", args[0])
			return err
		})
	}
	return cmd
}
