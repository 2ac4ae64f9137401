package gateway

import (
	"net/http"

	"github.com/gatehouse/gatehouse"
)

// webSocketSettings bounds the messages of each WebSocket of the API. Without the policy a
// message has at most 1 MiB, and there may be any number of them.
//
// A message that is too long closes the connection with the code 1009; one too many in a
// minute closes it with 4003. When the token, the subscription or the API ends, every
// connection is closed with 4001.
type webSocketSettings struct {
	// MaxMessage is how long one message may be, in bytes, in either direction: 1 to 67108864
	// (64 MiB). 0 means 1048576 (1 MiB).
	MaxMessage int64 `json:"maxMessage,omitempty"`
	// PerMinute is how many messages the caller may send in a minute of the clock over one
	// connection. 0 means no limit.
	PerMinute int `json:"perMinute,omitempty"`
}

// Bounds of a WebSocket's messages.
const (
	standardMessage = 1 << 20
	largestMessage  = 64 << 20
)

// standardMessages are the limits where there is no policy.
var standardMessages = messageLimits{size: standardMessage}

func newWebSocket(s webSocketSettings, _ place) (any, error) {
	if s.MaxMessage < 0 || s.MaxMessage > largestMessage || s.PerMinute < 0 {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "maxMessage is 0 to %d bytes, and perMinute 0 or more", largestMessage)
	}
	if s.MaxMessage == 0 {
		s.MaxMessage = standardMessage
	}
	return messageLimits{size: s.MaxMessage, perMinute: s.PerMinute}, nil
}

func (m messageLimits) respond(c *call, res *http.Response) error {
	watchFrames(c, res, m)
	return nil
}
