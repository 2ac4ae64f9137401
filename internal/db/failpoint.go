//go:build !faults

package db

// failpoint is a place at which test/faults kills the process. In the program it is
// nothing.
func failpoint(string) {}
