package publisher

import (
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// backendFields tell where the backend is, which is nobody's business but the gateway's.
var backendFields = []string{"servers", "host", "basePath", "schemes", "x-wso2-production-endpoints", "x-wso2-sandbox-endpoints"}

// DocumentFor writes an OpenAPI document, as JSON, for those who call the API: its only
// server is address, and nothing in it leads to the backend or tells what is done to calls on
// their way there. So no console sends a token anywhere but to the gateway.
func DocumentFor(document []byte, address string) ([]byte, error) {
	root, err := (&tree{}).read(document)
	if err != nil || root.shape != mapping {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the API's document cannot be read any more: replace it")
	}
	at, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	public := withoutBackend(root)
	if root.get("swagger") != nil {
		public.add(textNode("host"), textNode(at.Host))
		public.add(textNode("basePath"), textNode(at.Path))
		public.add(textNode("schemes"), &node{shape: list, entries: []entry{{value: textNode(at.Scheme)}}})
	} else {
		server := &node{shape: mapping}
		server.add(textNode("url"), textNode(address))
		public.add(textNode("servers"), &node{shape: list, entries: []entry{{value: server}}})
	}
	w := &writer{whole: true, without: policiesField, lines: []*node{root, root}}
	w.value(public, place{})
	return w.text.Bytes(), nil
}

func textNode(text string) *node { return &node{text: text, tag: "!!str"} }

// withoutBackend copies the root, its paths and their operations without the fields that
// tell of the backend.
func withoutBackend(root *node) *node {
	copied := &node{shape: mapping}
	for _, e := range root.entries {
		switch {
		case slices.Contains(backendFields, e.key.text):
		case e.key.text == "paths" && e.value.shape == mapping:
			paths := &node{shape: mapping}
			for _, item := range e.value.entries {
				paths.add(item.key, withoutServers(item.value))
			}
			copied.add(e.key, paths)
		case strings.HasPrefix(e.key.text, "x-wso2-") && strings.Contains(e.key.text, "endpoint"):
		default:
			copied.add(e.key, e.value)
		}
	}
	return copied
}

// withoutServers copies a path item and its operations without servers of their own.
func withoutServers(n *node) *node {
	if n.shape != mapping {
		return n
	}
	copied := &node{shape: mapping}
	for _, e := range n.entries {
		switch {
		case e.key.text == "servers":
		case slices.Contains(methodFields, e.key.text):
			copied.add(e.key, withoutServers(e.value))
		default:
			copied.add(e.key, e.value)
		}
	}
	return copied
}
