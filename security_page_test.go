package ginsession_test

import (
	"os"
	"regexp"
	"testing"
)

// docs/security.md names tests that show what it says. They exist.
func TestSecurityPage(t *testing.T) {
	page, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	code, named := []byte(nil), 0
	for _, match := range regexp.MustCompile("`([\\w/]+_test\\.go)`|\\b(?:Test|security)[A-Z]\\w+").FindAllSubmatch(page, -1) {
		name := string(match[0])
		switch {
		case match[1] != nil: // the file of those that follow
			if code, err = os.ReadFile(string(match[1])); err != nil {
				t.Error(err)
			}
		case name == "TestSecurity":
		case !regexp.MustCompile(`(?m)^func ` + name + `\(`).Match(code):
			t.Errorf("%s is not in the file named before it", name)
		default:
			named++
		}
	}
	if named < 50 {
		t.Errorf("%d tests: this test proves nothing", named)
	}
}
