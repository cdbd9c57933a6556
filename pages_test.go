package ginsession_test

import (
	"os"
	"regexp"
	"testing"
)

// Pages name tests that show what they say. They exist.
func TestPagesNameTests(t *testing.T) {
	for page, least := range map[string]int{"docs/security.md": 50, "docs/promises.md": 20} {
		t.Run(page, func(t *testing.T) {
			if named := checkNamedTests(t, page); named < least {
				t.Errorf("%d tests: this test proves nothing", named)
			}
		})
	}
}

func checkNamedTests(t *testing.T, file string) (named int) {
	t.Helper()
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var code []byte
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
	return named
}
