package gateway

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// xmlThreatSettings refuses requests whose body is XML that a backend could stumble over:
// too deep, too wide, too long, not well-formed, or with a document type, entities of its
// own or processing instructions, which are refused whatever the settings say. It reads
// bodies of the media types application/xml, text/xml and those that end in +xml; whatever
// else it lets pass or refuses, as refuseOthers says. The body is read into memory before
// the backend is called.
//
// A refused body is answered 400 with the words "Threat Protection-XML" and the limit; one
// that is larger than maxSize is answered 413, and one that is compressed or not in UTF-8,
// so that it cannot be read, 415.
type xmlThreatSettings struct {
	// MaxXMLDepth is how many elements may stand within each other: 1 to 1000, 32 when it
	// is not given.
	MaxXMLDepth int `json:"maxXMLDepth,omitempty"`
	// MaxElementCount is how many elements there may be, 10000 when it is not given.
	MaxElementCount int `json:"maxElementCount,omitempty"`
	// MaxChildrenPerElement is how many elements may stand directly within one, 1000 when
	// it is not given.
	MaxChildrenPerElement int `json:"maxChildrenPerElement,omitempty"`
	// MaxAttributeCount is how many attributes one element may have, 100 when it is not given.
	MaxAttributeCount int `json:"maxAttributeCount,omitempty"`
	// MaxAttributeLength is how many bytes the value of an attribute may have, 4096 when it
	// is not given.
	MaxAttributeLength int `json:"maxAttributeLength,omitempty"`
	// MaxTextLength is how many bytes a text between two tags may have, 65536 when it is not
	// given.
	MaxTextLength int `json:"maxTextLength,omitempty"`
	// MaxNameLength is how many bytes the name of an element or attribute may have without
	// its prefix, 256 when it is not given.
	MaxNameLength int `json:"maxNameLength,omitempty"`
	// MaxSize is how many bytes the body may have, up to 67108864; 1048576 (1 MiB) when it
	// is not given.
	MaxSize int64 `json:"maxSize,omitempty"`
	// RefuseOthers answers bodies of other media types, or of none, with 415. Without it a
	// caller can have a backend that does not look at the media type read what was not checked.
	RefuseOthers bool `json:"refuseOthers,omitempty"`
}

// xmlFault is what keeps a text from being let through.
type xmlFault uint8

// The faults.
const (
	xmlSound xmlFault = iota
	xmlBroken
	xmlDoctype
	xmlInstruction
	xmlDeep
	xmlElements
	xmlChildren
	xmlAttributes
	xmlAttribute
	xmlText
	xmlName
	xmlFaults
)

type xmlThreat struct {
	threat
	limits  xmlThreatSettings
	refused [xmlFaults]*Refusal
}

func newXMLThreat(s xmlThreatSettings, _ place) (any, error) {
	s = xmlThreatSettings{
		MaxXMLDepth: cmp.Or(s.MaxXMLDepth, 32), MaxElementCount: cmp.Or(s.MaxElementCount, 10_000), MaxChildrenPerElement: cmp.Or(s.MaxChildrenPerElement, 1000),
		MaxAttributeCount: cmp.Or(s.MaxAttributeCount, 100), MaxAttributeLength: cmp.Or(s.MaxAttributeLength, 4096),
		MaxTextLength: cmp.Or(s.MaxTextLength, 64<<10), MaxNameLength: cmp.Or(s.MaxNameLength, 256), MaxSize: cmp.Or(s.MaxSize, 1<<20), RefuseOthers: s.RefuseOthers,
	}
	err := inBounds(map[string]bound{
		"maxXMLDepth": {s.MaxXMLDepth, 1000}, "maxElementCount": {s.MaxElementCount, maxThreat}, "maxChildrenPerElement": {s.MaxChildrenPerElement, maxThreat},
		"maxAttributeCount": {s.MaxAttributeCount, maxThreat}, "maxAttributeLength": {s.MaxAttributeLength, maxThreat},
		"maxTextLength": {s.MaxTextLength, maxThreat}, "maxNameLength": {s.MaxNameLength, maxThreat}, "maxSize": {int(s.MaxSize), maxRead},
	})
	if err != nil {
		return nil, err
	}
	t := &xmlThreat{threat: threat{isXML, s.MaxSize, s.RefuseOthers}, limits: s}
	for fault, words := range map[xmlFault]string{
		xmlBroken:      "Error occurred while parsing the XML payload",
		xmlDoctype:     "Document types and entities are not allowed",
		xmlInstruction: "Processing instructions are not allowed",
		xmlDeep:        fmt.Sprintf("Depth Limit [%d] Reached", s.MaxXMLDepth),
		xmlElements:    fmt.Sprintf("Max Element Count [%d] Reached", s.MaxElementCount),
		xmlChildren:    fmt.Sprintf("Max Children Per Element [%d] Reached", s.MaxChildrenPerElement),
		xmlAttributes:  fmt.Sprintf("Max Attribute Count [%d] Reached", s.MaxAttributeCount),
		xmlAttribute:   fmt.Sprintf("Max Attribute Length [%d] Reached", s.MaxAttributeLength),
		xmlText:        fmt.Sprintf("Max Text Length [%d] Reached", s.MaxTextLength),
		xmlName:        fmt.Sprintf("Max Name Length [%d] Reached", s.MaxNameLength),
	} {
		t.refused[fault] = status(http.StatusBadRequest, "Bad Request", "Threat Protection-XML: "+words)
	}
	return t, nil
}

func (t *xmlThreat) answer(c *call) bool {
	body, over := t.read(c)
	if body == nil || over {
		return over
	}
	if fault := scanXML(body, &t.limits); fault != xmlSound {
		c.refuse(t.refused[fault])
		return true
	}
	return false
}

// xmlScan is where a scan is.
type xmlScan struct {
	limits   *xmlThreatSettings
	children []int // of the elements that are open, outermost first; before them the document
	elements int
	text     int // bytes since the last tag
}

// scanXML reads a text once from its beginning to its end. encoding/xml sees that tags
// match and knows no entities but the five of XML; what it does not mind is looked for
// here: text outside the one element, and attributes that stand twice.
func scanXML(text []byte, limits *xmlThreatSettings) xmlFault {
	s := xmlScan{limits: limits, children: []int{0}}
	d := xml.NewDecoder(bytes.NewReader(text))
	for {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && s.children[0] == 1:
			return xmlSound
		case err != nil:
			return xmlBroken
		}
		if fault := s.take(token); fault != xmlSound {
			return fault
		}
	}
}

func (s *xmlScan) take(token xml.Token) xmlFault {
	switch token := token.(type) {
	case xml.Directive:
		return xmlDoctype
	case xml.ProcInst:
		if token.Target != "xml" || s.elements > 0 {
			return xmlInstruction
		}
	case xml.CharData:
		if s.text += len(token); s.text > s.limits.MaxTextLength {
			return xmlText
		}
		if len(s.children) == 1 && strings.Trim(string(token), " \t\r\n") != "" {
			return xmlBroken
		}
	case xml.StartElement:
		return s.start(&token)
	case xml.EndElement:
		s.text = 0
		s.children = s.children[:len(s.children)-1]
	}
	return xmlSound
}

func (s *xmlScan) start(e *xml.StartElement) xmlFault {
	s.text = 0
	s.elements++
	inner := len(s.children) - 1
	s.children[inner]++
	switch {
	case inner == 0 && s.children[0] > 1:
		return xmlBroken
	case len(s.children) > s.limits.MaxXMLDepth:
		return xmlDeep
	case s.elements > s.limits.MaxElementCount:
		return xmlElements
	case s.children[inner] > s.limits.MaxChildrenPerElement:
		return xmlChildren
	case len(e.Attr) > s.limits.MaxAttributeCount:
		return xmlAttributes
	case len(e.Name.Local) > s.limits.MaxNameLength:
		return xmlName
	}
	s.children = append(s.children, 0)
	return s.attributes(e.Attr)
}

func (s *xmlScan) attributes(attributes []xml.Attr) xmlFault {
	var seen map[xml.Name]bool
	if len(attributes) > 1 {
		seen = make(map[xml.Name]bool, len(attributes))
	}
	for _, a := range attributes {
		switch {
		case len(a.Value) > s.limits.MaxAttributeLength:
			return xmlAttribute
		case len(a.Name.Local) > s.limits.MaxNameLength:
			return xmlName
		case seen[a.Name]:
			return xmlBroken
		case seen != nil:
			seen[a.Name] = true
		}
	}
	return xmlSound
}
