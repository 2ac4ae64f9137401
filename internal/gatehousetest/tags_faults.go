//go:build faults

package gatehousetest

// tags are the build tags of the program: with its failpoints.
const tags = "faults"
