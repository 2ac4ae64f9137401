package cluster

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/gatehouse/gatehouse"
)

// take adds to all keys or, when one of them has its most, to none: one step in Redis,
// which runs nothing else meanwhile. For each key there are three arguments: how much is
// added, the most (0 for no bound), and how many seconds the key is kept. It returns what
// each key had before, and behind them 1 when nothing was added because of a bound.
var take = redis.NewScript(`
local used = redis.call('MGET', unpack(KEYS))
local full = 0
for i = 1, #KEYS do
	used[i] = tonumber(used[i]) or 0
	local most = tonumber(ARGV[3*i-1])
	if most > 0 and used[i] >= most then
		full = 1
	end
end
if full == 0 then
	for i = 1, #KEYS do
		if tonumber(ARGV[3*i-2]) > 0 then
			redis.call('INCRBY', KEYS[i], ARGV[3*i-2])
			if used[i] == 0 then
				redis.call('EXPIRE', KEYS[i], ARGV[3*i])
			end
		end
	end
end
used[#used+1] = full
return used
`)

// Take adds to all counts or, when one of them has its most already, to none; it reports
// which, and fills in what each of them had before. In a Cluster all keys must have the
// same hash tag.
func (r *Redis) Take(ctx context.Context, counts []gatehouse.Count) (added bool, err error) {
	keys, args := make([]string, len(counts)), make([]any, 0, 3*len(counts))
	for i := range counts {
		c := &counts[i]
		keys[i] = c.Key
		args = append(args, c.Add, c.Most, c.Seconds)
	}
	answer, err := take.Run(ctx, r.client, keys, args...).Int64Slice()
	if err != nil {
		return false, fmt.Errorf("count in Redis: %w", err)
	}
	if len(answer) != len(counts)+1 {
		return false, fmt.Errorf("count in Redis: %d numbers for %d counts", len(answer), len(counts))
	}
	for i := range counts {
		counts[i].Used = answer[i]
	}
	return answer[len(counts)] == 0, nil
}
