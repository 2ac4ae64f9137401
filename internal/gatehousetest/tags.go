//go:build !faults

package gatehousetest

// tags are the build tags of the program.
const tags = ""
