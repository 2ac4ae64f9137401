// Command gatehouse is the program: the server and what an operator does beside it.
//
//	main.go      the commands, their exit codes
//	output.go    text or JSON
//	serve.go     run the server
//	demo.go      run it with something to try
//	org.go       organizations
//	issuer.go    issuers whose assertions an organization trusts
//	user.go      people
//	userimport.go  people of another system, with their passwords
//	keys.go      the keys that sign tokens
//	explain.go   why a call was answered as it was
//	settings.go  the settings in force
//	hashworker.go  the child process that hashes passwords
//	version.go   which program this is
//
// It holds no rule of the platform: each command reads its arguments, calls one service
// and prints.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal does not wait for a graceful end
	p := &program{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ(), child: true}
	os.Exit(p.run(ctx, os.Args[1:]))
}

// program is what a run of the command has to do with the outside.
type program struct {
	in       io.Reader
	out, err io.Writer
	environ  []string
	child    bool // whether this process may start itself again
}

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError is a command that was called wrongly: an unknown flag, a bad setting.
type usageError struct {
	err  error
	help string // the command whose --help tells more
}

// Error returns what is wrong.
func (e *usageError) Error() string { return e.err.Error() }

func wrongUsage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...), help: cmd.CommandPath()}
}

// run executes the command line and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintln(p.err, "gatehouse: "+strings.TrimSuffix(line, "\n"))
	}
	if usage, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprintf(p.err, "Run '%s --help' for how to use it.\n", usage.help)
		return exitUsage
	}
	return exitFailed
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "gatehouse",
		Short: "API management in one binary: Token API, Gateway, API Store, Publisher",
		Example: `  gatehouse demo                  something to try, thrown away at the end
  gatehouse serve --data /var/lib/gatehouse
  gatehouse config                the settings in force, and who set them`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return wrongUsage(cmd, "%w", err) })
	root.AddCommand(p.serveCommand(), p.demoCommand(), p.orgCommand(), p.issuerCommand(), p.userCommand(), p.keysCommand(), p.explainCommand(), p.settingsCommand(), p.versionCommand(), p.hashWorkerCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	seal(root)
	return root
}

// seal makes wrong arguments wrong usage in cmd and all below it. To cobra a command
// that only holds others takes any argument and is content.
func seal(cmd *cobra.Command) {
	check := cmd.Args
	if cmd.HasSubCommands() && !cmd.Runnable() {
		check = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			message := fmt.Sprintf("unknown command %q", args[0])
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				message += ": did you mean " + strings.Join(near, " or ") + "?"
			}
			return errors.New(message)
		}
		cmd.SuggestionsMinimumDistance = 2
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		if err := check(cmd, args); err != nil {
			return wrongUsage(cmd, "%w", err)
		}
		return nil
	}
	for _, sub := range cmd.Commands() {
		seal(sub)
	}
}

// settings loads the settings for a command, with the flags it has.
func (p *program) settings(cmd *cobra.Command) (config.Config, error) {
	c, err := config.Load(cmd.Flags(), p.environ, ".")
	if err != nil {
		return config.Config{}, &usageError{err: err, help: cmd.CommandPath()}
	}
	return c, nil
}
