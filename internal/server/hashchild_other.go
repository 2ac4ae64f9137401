//go:build !linux

package server

import "errors"

var errNoHashChild = errors.New("hashing in a child process is for Linux alone")

func startHashChild(string, int) (*hashChild, error) { return nil, errNoHashChild }

func stepBack() error { return errNoHashChild }
