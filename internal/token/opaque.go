package token

import "github.com/gatehouse/gatehouse"

// opaquePrefix begins every opaque access token: it tells them from JWTs and refresh
// tokens, and lets scanners for leaked secrets find them.
const opaquePrefix = "gha_"

// newOpaque returns an opaque access token: 238 bits after the prefix.
func newOpaque() string { return opaquePrefix + gatehouse.RandomText(40) }
