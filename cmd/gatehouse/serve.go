package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/observe"
	"github.com/gatehouse/gatehouse/internal/server"
)

func (p *program) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the Gateway, the Token API and the portal. When it can serve it prints one line on
standard output that begins with "ready" and tells the addresses; logs go to standard
error. The first start makes the organization default with the user admin. At SIGTERM
/readyz fails at once; it answers on for the drain, stops accepting, lets what runs
finish within 20 seconds, and exits with 0.`,
		Example: `  gatehouse serve
  gatehouse serve --data /var/lib/gatehouse --gateway-url https://api.example.com
  gatehouse serve --database postgres://gatehouse@db/gatehouse --role gateway`,
		Args: cobra.NoArgs,
	}
	config.AddFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := p.settings(cmd)
		if err != nil {
			return err
		}
		s, err := p.open(cmd.Context(), c)
		if err != nil {
			return err
		}
		defer s.Close()
		fmt.Fprintln(p.out, s.Ready())
		return s.Serve(cmd.Context())
	}
	return cmd
}

// log returns the logger that the settings ask for.
func (p *program) log(c config.Config) *slog.Logger {
	return observe.NewLogger(p.err, c.LogLevel, c.LogFormat)
}

// running is a server with its log on the way out.
type running struct {
	*server.Server
	lines *observe.Lines
}

// Close closes the server, then writes what of the log still waits.
func (r *running) Close() error { return errors.Join(r.Server.Close(), r.lines.Close()) }

// open opens a server and tells the password that a first start made up. Its log makes
// nobody wait, and one whose reader has gone does not end the process, as SIGPIPE would.
func (p *program) open(ctx context.Context, c config.Config) (*running, error) {
	signal.Ignore(syscall.SIGPIPE)
	lines := observe.NewLines(p.err, c.LogFormat)
	s, err := server.New(ctx, c, observe.NewLogger(lines, c.LogLevel, c.LogFormat))
	if err != nil {
		return nil, errors.Join(err, lines.Close())
	}
	s.WatchLog(lines.Dropped)
	if p.child {
		s.HashApart(hashWorker)
	}
	if s.FirstPassword != "" {
		fmt.Fprintf(p.err, "The first start made the user admin with the password %s\nIt is shown this once: keep it, or change it after signing in.\n", s.FirstPassword)
	}
	return &running{Server: s, lines: lines}, nil
}
