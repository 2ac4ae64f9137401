package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/server"
)

// hashWorker is the command by which a server starts the child process that hashes its
// passwords. It is not for people, and so in no help.
const hashWorker = "hash-worker"

func (p *program) hashWorkerCommand() *cobra.Command {
	return &cobra.Command{
		Use:    hashWorker + " <how many at once>",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			workers, err := strconv.Atoi(args[0])
			if err != nil || workers < 1 {
				return wrongUsage(cmd, "a server starts this command, with a number of 1 or more")
			}
			return server.HashWorker(p.in, p.out, workers)
		},
	}
}
