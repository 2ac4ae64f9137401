package gateway

import (
	"cmp"
	"fmt"
	"net/http"

	"github.com/gatehouse/gatehouse"
)

// jsonThreatSettings refuses requests whose body is JSON that a backend could stumble
// over: too deep, too wide, too long, or no JSON at all. It reads bodies of the media types
// application/json, text/json and those that end in +json; whatever else it lets pass or
// refuses, as refuseOthers says. The body is read into memory before the backend is called.
//
// A refused body is answered 400 with the words "Threat Protection-JSON" and the limit; one
// that is larger than maxSize is answered 413, and one that is compressed or not in UTF-8,
// so that it cannot be read, 415.
type jsonThreatSettings struct {
	// MaxJSONDepth is how many objects and arrays may stand within each other: 1 to 1000,
	// 32 when it is not given.
	MaxJSONDepth int `json:"maxJsonDepth,omitempty"`
	// MaxPropertyCount is how many properties one object may have, 1000 when it is not given.
	MaxPropertyCount int `json:"maxPropertyCount,omitempty"`
	// MaxArrayElementCount is how many elements one array may have, 10000 when it is not given.
	MaxArrayElementCount int `json:"maxArrayElementCount,omitempty"`
	// MaxStringLength is how many bytes a string or a number may have, as they are written
	// between the quotes, 65536 when it is not given.
	MaxStringLength int `json:"maxStringLength,omitempty"`
	// MaxKeyLength is how many bytes the name of a property may have, 256 when it is not given.
	MaxKeyLength int `json:"maxKeyLength,omitempty"`
	// MaxSize is how many bytes the body may have, up to 67108864; 1048576 (1 MiB) when it
	// is not given.
	MaxSize int64 `json:"maxSize,omitempty"`
	// RefuseRepeated refuses objects in which a name stands twice: some readers take the
	// first value, some the last.
	RefuseRepeated bool `json:"refuseRepeated,omitempty"`
	// RefuseOthers answers bodies of other media types, or of none, with 415. Without it a
	// caller can have a backend that does not look at the media type read what was not checked.
	RefuseOthers bool `json:"refuseOthers,omitempty"`
}

// maxRead is the most that a policy may be set to read of a body into memory.
const maxRead = 64 << 20

// maxThreat is the highest limit of what is counted.
const maxThreat = 1 << 30

// jsonThreat is the compiled form, with all that it may answer.
type jsonThreat struct {
	threat
	limits  jsonLimits
	refused [jsonFaults]*Refusal
}

// threat is what the policies against threats have in common.
type threat struct {
	reads        func(media string) bool
	size         int64
	refuseOthers bool
}

func newJSONThreat(s jsonThreatSettings, _ place) (any, error) {
	t := &jsonThreat{
		threat: threat{isJSON, cmp.Or(s.MaxSize, 1<<20), s.RefuseOthers},
		limits: jsonLimits{
			depth: cmp.Or(s.MaxJSONDepth, 32), properties: cmp.Or(s.MaxPropertyCount, 1000), elements: cmp.Or(s.MaxArrayElementCount, 10_000),
			text: cmp.Or(s.MaxStringLength, 64<<10), name: cmp.Or(s.MaxKeyLength, 256), unique: s.RefuseRepeated,
		},
	}
	l := &t.limits
	err := inBounds(map[string]bound{
		"maxJsonDepth": {l.depth, 1000}, "maxPropertyCount": {l.properties, maxThreat}, "maxArrayElementCount": {l.elements, maxThreat},
		"maxStringLength": {l.text, maxThreat}, "maxKeyLength": {l.name, maxThreat}, "maxSize": {int(t.size), maxRead},
	})
	if err != nil {
		return nil, err
	}
	for fault, words := range map[jsonFault]string{
		jsonBroken:     "Error occurred while parsing the JSON payload",
		jsonDeep:       fmt.Sprintf("Depth Limit [%d] Reached", l.depth),
		jsonProperties: fmt.Sprintf("Max Property Count [%d] Reached", l.properties),
		jsonElements:   fmt.Sprintf("Max Array Length [%d] Reached", l.elements),
		jsonText:       fmt.Sprintf("Max String Length [%d] Reached", l.text),
		jsonName:       fmt.Sprintf("Max Key Length [%d] Reached", l.name),
		jsonTwice:      "A name stands twice in one object",
	} {
		t.refused[fault] = status(http.StatusBadRequest, "Bad Request", "Threat Protection-JSON: "+words)
	}
	return t, nil
}

// bound is a number in settings with the highest that it may be.
type bound struct{ is, most int }

// inBounds checks that all are from 1 to their highest.
func inBounds(bounds map[string]bound) error {
	for name, l := range bounds {
		if l.is < 1 || l.is > l.most {
			return gatehouse.Errorf(gatehouse.Invalid, "%s is %d: it must be from 1 to %d", name, l.is, l.most)
		}
	}
	return nil
}

func (t *jsonThreat) answer(c *call) bool {
	body, over := t.read(c)
	if body == nil || over {
		return over
	}
	if _, fault := scanJSON(body, t.limits); fault != jsonSound {
		c.refuse(t.refused[fault])
		return true
	}
	return false
}

// read returns the body if it is one to look at; over means that the call was refused.
func (t *threat) read(c *call) (body []byte, over bool) {
	if !hasBody(c.r) {
		return nil, false
	}
	m := mediaOf(c.r.Header)
	var refusal *Refusal
	switch {
	case !m.clear:
		refusal = unclearMedia
	case t.reads(m.name) && !m.plain:
		refusal = encodedBody
	case t.reads(m.name):
		if body, refusal = c.readBody(t.size); refusal == nil {
			return body, false
		}
	case !t.refuseOthers:
		return nil, false
	default:
		if body, refusal = c.readBody(0); refusal == nil && len(body) == 0 {
			return nil, false // in pieces, but none
		}
		refusal = otherMedia
	}
	c.refuse(refusal)
	return nil, true
}
