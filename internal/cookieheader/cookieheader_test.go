package cookieheader_test

import (
	"net/http"
	"reflect"
	"regexp"
	"testing"

	"github.com/ginsession/ginsession/internal/cookieheader"
)

// FuzzCookie compares the keys that are found in a Cookie header with those that net/http finds.
func FuzzCookie(f *testing.F) {
	for _, line := range []string{
		"sessionid=abcdefgh", "a=b; sessionid=abcdefgh; c", `sessionid="abcdefgh"`, "sessionid=abcdefgh; sessionid=12345678",
		"SESSIONID=abcdefgh", "xsessionid=abcdefgh", "sessionid==abcdefgh", "sessionid=", "sessionid", ";;=;sessionid=abcdefgh;",
		"\tsessionid=abcdefgh\t ;", "sessionid=abc\x00efgh", `sessionid="abcdefgh`, `sessionid=""abcdefgh""`, "a=\"; sessionid=abcdefgh; \"",
	} {
		f.Add(line)
	}
	spaced := regexp.MustCompile(`[ \t]=`)          // net/http bears a space after a name, RFC 6265 has none
	key := regexp.MustCompile(`\A[a-z0-9]{8,64}\z`) // nothing else can be a session's
	f.Fuzz(func(t *testing.T, line string) {
		if spaced.MatchString(line) {
			return
		}
		var got, want []string
		cookies := cookieheader.Scanner{Name: "sessionid", Lines: []string{line}}
		for value, ok := cookies.Next(); ok; value, ok = cookies.Next() {
			if key.MatchString(value) {
				got = append(got, value)
			}
		}
		r := http.Request{Header: http.Header{"Cookie": {line}}}
		for _, c := range r.CookiesNamed("sessionid") {
			if key.MatchString(c.Value) {
				want = append(want, c.Value)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q has the keys %q, want %q", line, got, want)
		}
	})
}
