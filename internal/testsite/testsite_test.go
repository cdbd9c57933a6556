package testsite_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// A test of a page: visit it, then look at the reply, the store and the visitor's cookie.
func TestSite(t *testing.T) {
	site := testsite.New(t, testsite.Setup{Config: ginsession.Config{HashKeys: ginsession.Off}})
	v := site.Visitor()
	reply := v.Post("/w/set?v=1")
	if reply.Text != "set" || site.Calls() != "Create" || reply.SessionCookie().Value != v.Key() {
		t.Errorf("%q, cookie %v", reply.Text, reply.Cookies())
	}
	if got := site.Store.Text(v.Key()); got != `{"v":"1"}` || got != site.Record() || got != site.Data() {
		t.Errorf("the store has %q", got)
	}
	if got := site.As("sessionid=" + v.Key()).Get("/w/get").Text; got != "v=1" {
		t.Errorf("another client with the cookie reads %q", got)
	}
	other := site.Visitor()
	other.SetKey(v.Key())
	other.Do(http.MethodGet, func(c *gin.Context) {
		if got := ginsession.Get(c).Get("v"); got != "1" {
			t.Errorf("a function reads %v", got)
		}
	})
}

// The clock moves only by Advance, and the store fails only on demand.
func TestDesk(t *testing.T) {
	d := testsite.NewDesk(t, func(cfg *ginsession.Config) { cfg.HashKeys = ginsession.Off })
	s := d.Open(t.Context(), "")
	s.Set("v", 1)
	broken := errors.New("broken")
	d.Store.FailOn(broken, "Create")
	if err := s.Save(); !errors.Is(err, broken) {
		t.Errorf("a failing Create: %v", err)
	}
	d.Store.FailOn(nil)
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	if live, err := d.Exists(t.Context(), s.Key()); !live || err != nil {
		t.Errorf("exists: %t, %v", live, err)
	}
	d.Clock.Advance(365 * 24 * time.Hour)
	if live, err := d.Exists(t.Context(), s.Key()); live || err != nil {
		t.Errorf("a year later: %t, %v", live, err)
	}
}

// FindSecret knows what sessions are known by, and nothing that a log usually has.
func TestFindSecret(t *testing.T) {
	d := testsite.NewDesk(t)
	s := d.Open(t.Context(), "")
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	signed := testsite.NewDesk(t, func(cfg *ginsession.Config) {
		cfg.Engine, cfg.SecretKey = ginsession.SignedCookies(), strings.Repeat("secret", 10)
	})
	inCookie := signed.Open(t.Context(), "")
	inCookie.Set("user", "ann")
	sealed := testsite.NewDesk(t, func(cfg *ginsession.Config) { cfg.EncryptionKeys = []string{strings.Repeat("secret", 10)} })
	sealedRecord := sealed.Open(t.Context(), "")
	if err := errors.Join(inCookie.Save(), sealedRecord.Save()); err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string]string{
		"key": s.Key(), "digest": d.Store.Keys()[0], "signed cookie": signed.Cookie(inCookie).Value,
		"encrypted record": sealed.Store.Text(sealed.Store.Keys()[0]), "the Config's": "hunter2hunter2",
	} {
		if secret == "" || testsite.FindSecret("load of "+secret+" failed", "hunter2hunter2") == "" {
			t.Errorf("%s %q was not found", name, secret)
		}
	}
	for _, text := range []string{"", `time=2026-11-23T04:45:00.000Z level=WARN msg="session a-b: the store is down" path=/w/do/MMJ6ALQWIUE2UGZVVYC5GNNTNA`} {
		if found := testsite.FindSecret(text, "", "down"); found != "" {
			t.Errorf("%q was found in %q", found, text)
		}
	}
	d.Log.Logger().Warn("before")
	d.Log.Clear()
	d.Log.Logger().Warn("after")
	if all := d.Log.All(); !strings.Contains(all, "before") || strings.Contains(d.Log.String(), "before") || !strings.Contains(d.Log.String(), "after") {
		t.Errorf("all: %q, since Clear: %q", all, d.Log)
	}
}
