package server

import (
	"fmt"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// hashNice is the priority of the hashing child. Where all cores are busy it still gets a
// tenth of what a process with the usual priority gets: 19, a seventieth, would end sign-ins.
const hashNice = 10

// startHashChild starts this very program again, whatever has become of its file, as a child
// that hashes. It gets nothing of ours: no environment, no file but its two pipes. It is a
// process group of its own, so that an interrupt from the terminal does not end it while
// sign-ins are still answered.
func startHashChild(command string, workers int) (*hashChild, error) {
	cmd := exec.Command("/proc/self/exe", command, strconv.Itoa(workers))
	cmd.Args[0] = "gatehouse"
	cmd.Env, cmd.Dir = []string{}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return newHashChild(in, out, func() { _ = cmd.Process.Kill() }, func() { _ = cmd.Wait() }), nil
}

// stepBack lets everybody else go first and keeps passwords out of core files. The priority
// is that of the process group, which is this process with all its threads.
func stepBack() error {
	if err := unix.Setpriority(unix.PRIO_PGRP, 0, hashNice); err != nil {
		return fmt.Errorf("lower the priority: %w", err)
	}
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
