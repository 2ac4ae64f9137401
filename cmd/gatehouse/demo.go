package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/server"
)

func (p *program) demoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the server with something to try, thrown away at the end",
		Long: `Run the server with an organization, users, a sample API with a backend of its own, and
an application with keys and a subscription. Prints the addresses, the sign-ins and curl
lines that work when they are pasted. It listens on loopback only. Everything is thrown
away at the end, unless a data folder is chosen.`,
		Example: `  gatehouse demo
  gatehouse demo --data ./demo    keep it; the next demo goes on with it`,
		Args: cobra.NoArgs,
	}
	config.AddFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := p.settings(cmd)
		if err != nil {
			return err
		}
		if err := onLoopback(c.GatewayListen, c.PortalListen, c.OpsListen); err != nil {
			return wrongUsage(cmd, "%w", err)
		}
		if c.Origin("data") == config.OriginDefault {
			if c.Data, err = os.MkdirTemp("", "gatehouse-demo-*"); err != nil {
				return err
			}
			defer os.RemoveAll(c.Data)
		}
		if c.Origin("drain") == config.OriginDefault {
			c.Drain = 0 // no load balancer stands before a demo
		}
		return p.demo(cmd.Context(), c)
	}
	return cmd
}

// onLoopback moves listeners without a host to loopback: the demo prints its passwords,
// and nobody else is to use them. A listener on any other host is refused.
func onLoopback(lists ...[]config.Listener) error {
	for _, list := range lists {
		for i := range list {
			host, port, err := net.SplitHostPort(list[i].Addr)
			if err != nil {
				return err
			}
			ip, err := netip.ParseAddr(host)
			switch {
			case host == "":
				list[i].Addr = net.JoinHostPort("127.0.0.1", port)
			case host != "localhost" && (err != nil || !ip.IsLoopback()):
				return fmt.Errorf("the demo listens on loopback only, not on %s: use a host like 127.0.0.1, or serve", list[i])
			}
		}
	}
	return nil
}

// demo serves, furnishes what is served, and waits for the end.
func (p *program) demo(ctx context.Context, c config.Config) error {
	s, err := p.open(ctx, c)
	if err != nil {
		return err
	}
	defer s.Close()
	serving, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(serving) }()
	fmt.Fprintln(p.out, s.Ready())
	if err := server.Demo(serving, s.Server, p.out); err != nil && ctx.Err() == nil {
		stop()
		return errors.Join(err, <-ended)
	}
	return <-ended
}
