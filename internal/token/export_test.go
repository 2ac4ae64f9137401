package token

// Len returns how many tokens c holds.
func (c *Cache) Len() int {
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		n += len(s.by)
		s.mu.RUnlock()
	}
	return n
}

// Len returns how many revocations r holds.
func (r *Revoked) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.by)
}
