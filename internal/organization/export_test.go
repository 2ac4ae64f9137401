package organization

import "context"

// Hold takes a slot, as one who hashes does, until leave is called.
func (p *Passwords) Hold(ctx context.Context) (leave func(), err error) { return p.enter(ctx) }
