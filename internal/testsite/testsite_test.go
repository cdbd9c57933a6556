package testsite_test

import (
	"errors"
	"net/http"
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
