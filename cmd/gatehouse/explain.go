package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/server"
	"github.com/gatehouse/gatehouse/internal/token"
)

func (p *program) explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain REQUEST-ID | explain METHOD PATH",
		Short: "Tell why a call was answered as it was, or what would become of one",
		Long: `Tell of each check of a call, in order, what it saw and decided, and what would make the
call pass.

A call that was made is named by the X-Request-Id of its answer: of each application the
last calls are remembered for an hour, some seconds after they were made. A call that
nobody makes is given by its method and path, as a client would send them, and goes through
the same decision as every call; nothing is sent or counted. Its access token is read from
a file, so that it stands in no list of processes.`,
		Example: `  gatehouse explain 01941f29-7c00-7f3e-8a3b-0242ac120002
  gatehouse explain GET /t/johnsorg/orgnews/1.0.0/articles --token-file token.txt
  printf %s "$TOKEN" | gatehouse explain POST /petstore/v1/pets --token-file -`,
		Args: cobra.RangeArgs(1, 2),
	}
	addStore(cmd)
	out := addOutput(cmd)
	tokenFile := cmd.Flags().String("token-file", "", "file whose first line is the access token; - is standard input")
	address := cmd.Flags().String("address", "", "IP address that the call would come from")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 && (*tokenFile != "" || *address != "") {
			return wrongUsage(cmd, "--token-file and --address belong to a call that nobody makes: give METHOD and PATH")
		}
		accessToken := ""
		if *tokenFile != "" {
			var err error
			if accessToken, err = p.firstLine("token-file", *tokenFile, token.MaxLength); err != nil {
				return err
			}
		}
		return p.withServices(cmd, func(ctx context.Context, s *server.Services) error {
			var c *gatehouse.Call
			var err error
			if len(args) == 1 {
				c, err = s.Call(ctx, args[0])
			} else {
				c, err = s.Ask(ctx, gatehouse.Question{Method: args[0], Target: args[1], Token: accessToken, Address: *address}, slog.New(slog.DiscardHandler))
			}
			if err != nil {
				return err
			}
			return p.printCall(out, c)
		})
	}
	return cmd
}

// callJSON is a call as --output json prints it.
type callJSON struct {
	ID          string           `json:"requestId,omitempty"`
	At          time.Time        `json:"at"`
	Method      string           `json:"method"`
	Path        string           `json:"path"`
	API         string           `json:"api,omitempty"`
	Application string           `json:"application,omitempty"`
	User        string           `json:"user,omitempty"`
	Allowed     bool             `json:"allowed"`
	Status      int              `json:"status,omitempty"`
	Code        string           `json:"code,omitempty"`
	Steps       []gatehouse.Step `json:"steps"`
}

func (p *program) printCall(out *output, c *gatehouse.Call) error {
	table := [][]string{{"CHECK", "RESULT", "SAW"}}
	fix := ""
	for _, s := range c.Steps {
		table = append(table, []string{s.Check, string(s.Result), s.Saw})
		fix += s.Fix
	}
	err := out.print(p.out, callJSON{
		ID: c.ID, At: c.At.UTC(), Method: c.Method, Path: c.Path, API: c.API, Application: c.Application, User: c.User,
		Allowed: c.Allowed(), Status: c.Status, Code: c.Code, Steps: c.Steps,
	}, table)
	if err != nil || *out == "json" {
		return err
	}
	verdict := "let through"
	if !c.Allowed() {
		verdict = "refused with " + c.Answer()
	}
	fmt.Fprintf(p.out, "\n%s %s is %s.\n", c.Method, c.Path, verdict)
	if fix != "" {
		fmt.Fprintln(p.out, fix+".")
	}
	return nil
}
