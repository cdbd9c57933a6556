package ginsession_test

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ginsession/ginsession"
)

func securityCookieOnly(t *testing.T) {
	site := newWebSite(t, webSetup{})
	v := site.visitor()
	v.get("/w/set?v=1")
	site.calls()
	key := v.key()
	for _, headers := range [][]webHeader{
		nil,
		{{"Sessionid", key}},
		{{"Authorization", "Bearer " + key}},
		{{"X-Sessionid", key}, {"Set-Cookie", "sessionid=" + key}},
	} {
		for _, path := range []string{"/w/get?sessionid=" + key, "/w/get?sessionid=" + key + "#sessionid=" + key, "/w/get;sessionid=" + key} {
			reply := site.as("").post(path, headers...)
			if strings.Contains(reply.Text, "v=1") || reply.cookie(t) != nil || site.calls() != "" {
				t.Errorf("%s %v: %q", path, headers, reply.Text)
			}
		}
	}
}

func securityCookieAttributes(t *testing.T) {
	for name, cfg := range map[string]ginsession.Config{
		"__Host- with a Domain":      {CookieName: "__Host-id", CookieSecure: true, CookieDomain: "example.com"},
		"__Host- with another Path":  {CookieName: "__Host-id", CookieSecure: true, CookiePath: "/app"},
		"__Host- without Secure":     {CookieName: "__Host-id"},
		"__HOST- without Secure":     {CookieName: "__HOST-id"},
		"__Secure- without Secure":   {CookieName: "__Secure-id"},
		"SameSite=None, not Secure":  {CookieSameSite: http.SameSiteNoneMode},
		"Partitioned without Secure": {CookiePartitioned: true},
		"a name with a line break":   {CookieName: "id\r\nX: y"},
		"a Domain with a semicolon":  {CookieDomain: "example.com; Secure"},
		"a Path with a line break":   {CookiePath: "/\r\nX: y"},
		"a Path with a semicolon":    {CookiePath: "/; Domain=evil.example"},
	} {
		cfg.Engine = ginsession.Custom(newSpyStore())
		if _, err := ginsession.NewManager(cfg); !errors.Is(err, ginsession.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func securityCookieSize(t *testing.T) {
	random := rand.Text() + strings.Repeat(rand.Text(), 40)
	large := "/w/set?v=" + url.QueryEscape(random)
	signed := func(name string) webSetup {
		return webSetup{Config: ginsession.Config{Engine: ginsession.SignedCookies(), SecretKey: "secret", CookieName: name}}
	}
	value := newWebSite(t, signed("")).visitor().get(large).Cookies()[0].Value
	for _, tt := range []struct {
		size int
		sent bool
	}{
		{4096, true},
		{4097, false},
	} {
		name := strings.Repeat("n", tt.size-len(value))
		site := newWebSite(t, signed(name))
		v := site.visitor()
		v.get("/w/set?v=small")
		reply := v.get(large)
		want := "v=" + random
		if !tt.sent {
			want = "v=small" // the old cookie is intact
		}
		if sent := len(reply.Header["Set-Cookie"]) == 1; sent != tt.sent || (reply.StatusCode == http.StatusInternalServerError) == tt.sent {
			t.Errorf("%d bytes: answer %d, %d cookies", tt.size, reply.StatusCode, len(reply.Header["Set-Cookie"]))
		}
		if tt.sent {
			if c := reply.Cookies()[0]; len(c.Name)+len(c.Value) != tt.size {
				t.Errorf("%d bytes were sent, want %d", len(c.Name)+len(c.Value), tt.size)
			}
		}
		if got := v.get("/w/get").Text; got != want {
			t.Errorf("%d bytes: the next request reads %.20q", tt.size, got)
		}
	}
}

func securityEmptyCookie(t *testing.T) {
	onServerEngines(t, webSetup{}, func(t *testing.T, site *webSite) {
		v := site.visitor()
		v.get("/w/set?v=1")
		v.post("/w/flush")
		site.calls()
		for _, cookies := range []string{"sessionid=", `sessionid=""`, "sessionid", "sessionid=; sessionid="} {
			reply := site.as(cookies).get("/w/get")
			if reply.Text != "v=" || reply.cookie(t) != nil || site.calls() != "" {
				t.Errorf("%s: %q, cookie %v", cookies, reply.Text, reply.cookie(t))
			}
			a, b := site.as(cookies).post("/w/set?v=2").cookie(t), site.as(cookies).post("/w/set?v=3").cookie(t)
			if a == nil || b == nil || a.Value == b.Value || a.Value == "" || b.Value == "" {
				t.Errorf("%s: two visitors share %v", cookies, a)
			}
			site.calls()
		}
	})
}
