package web_test

import (
	"strings"
	"testing"
)

func TestOrganizationPage(t *testing.T) {
	s := newSite(t)
	dev := s.as("dev@johnsorg").get("/org")
	dev.want(t, 200, "John&#39;s Organization", "Organization key", "A name, not a secret.", "subscriber")
	if got := dev.value(t, "org-key"); got != "johnsorg" {
		t.Errorf("the key is %q", got)
	}
	if strings.Contains(dev.Body, "paula") {
		t.Error("a subscriber sees the members")
	}
	s.as("john@johns.org@johnsorg").get("/org").want(t, 200, "Members", "paula", "publisher", "Password grant")
}
