package gateway

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"testing"
	"unicode/utf8"
)

// wide are limits that stop nothing but the depth.
var wide = jsonLimits{depth: 100, properties: 1 << 20, elements: 1 << 20, text: 1 << 20, name: 1 << 20}

func FuzzScanJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e+10,"\u00e9\n",true,false,null]}`, `[]`, ` "" `, `01`, `[1,]`, `{"a"}`, `"\u12"`, `-`, `1.`, `1e`, `tru`, "\"\x01\"", "\xff", `{"a":1,"\u0061":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		scan, fault := scanJSON(text, wide)
		if fault == jsonDeep {
			return
		}
		if want := json.Valid(text) && utf8.Valid(text); (fault == jsonSound) != want {
			t.Errorf("%q: fault %d, encoding/json says %v", text, fault, want)
		}
		if fault != jsonSound {
			return
		}
		var v any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		strict := wide
		strict.unique = true // a repeated name is one value for encoding/json
		values, deepest := measure(v)
		if _, fault := scanJSON(text, strict); fault == jsonSound && (scan.values != values || scan.deepest != deepest) {
			t.Errorf("%q: %d values, %d deep, want %d, %d", text, scan.values, scan.deepest, values, deepest)
		}
	})
}

// measure counts the values within v, and how deep they are.
func measure(v any) (values, deepest int) {
	inner := func(of any) {
		n, d := measure(of)
		values, deepest = values+n, max(deepest, d)
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			inner(e)
		}
		deepest++
	case map[string]any:
		for _, e := range v {
			inner(e)
		}
		deepest++
	}
	return values + 1, deepest
}

func FuzzScanXML(f *testing.F) {
	for _, s := range []string{`<?xml version="1.0"?><a b="c">d<e/></a>`, `<a>&amp;&#65;<![CDATA[x]]></a>`, `<!DOCTYPE a><a/>`, `<a`, `<a/><a/>`, `<a xmlns:b="c" b:d=""/>`, `<a>&b;</a>`} {
		f.Add([]byte(s))
	}
	compiled, err := newXMLThreat(xmlThreatSettings{MaxXMLDepth: 100, MaxTextLength: 1 << 20}, place{})
	if err != nil {
		f.Fatal(err)
	}
	limits := &compiled.(*xmlThreat).limits
	f.Fuzz(func(t *testing.T, text []byte) {
		if scanXML(text, limits) != xmlSound {
			return
		}
		var v struct {
			Inner []byte `xml:",innerxml"`
		}
		if err := xml.Unmarshal(text, &v); err != nil {
			t.Errorf("%q is let through, encoding/xml says %v", text, err)
		}
	})
}
