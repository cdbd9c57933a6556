package ginsession_test

import (
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

func securityIdle(t *testing.T) {
	setup := testsite.Setup{Config: ginsession.Config{CookieAge: 30 * time.Minute}}
	onServerEngines(t, setup, func(t *testing.T, site *testsite.Site) { checkIdle(t, site) })
	t.Run("signed_cookies", func(t *testing.T) {
		setup.Engine, setup.SecretKey = ginsession.SignedCookies(), "secret"
		checkIdle(t, testsite.New(t, setup))
	})
}

// checkIdle has a client keep its cookie for longer than the session lives.
func checkIdle(t *testing.T, site *testsite.Site) {
	t.Helper()
	v := site.Visitor()
	v.Get("/w/set?v=1")
	client := site.As("sessionid=" + v.Key())
	for _, tt := range []struct {
		later time.Duration
		reads string
	}{
		{30*time.Minute - time.Second, "v=1"},
		{time.Second, "v="},
		{time.Hour, "v="},
	} {
		site.Clock.Advance(tt.later)
		if got := client.Get("/w/get").Text; got != tt.reads {
			t.Errorf("%v later: %q, want %q", tt.later, got, tt.reads)
		}
	}
}

func securityLifetime(t *testing.T) {
	for name, cfg := range map[string]ginsession.Config{
		"SaveEveryRequest": {SaveEveryRequest: true},
		"RenewAfter":       {RenewAfter: time.Minute},
		"written to":       {},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.CookieAge, cfg.MaxLifetime = 10*time.Minute, time.Hour
			onServerEngines(t, testsite.Setup{Config: cfg}, func(t *testing.T, site *testsite.Site) { checkLifetime(t, site) })
			t.Run("signed_cookies", func(t *testing.T) {
				cfg.Engine, cfg.SecretKey = ginsession.SignedCookies(), "secret"
				checkLifetime(t, testsite.New(t, testsite.Setup{Config: cfg}))
			})
		})
	}
}

// checkLifetime touches a session every minute for longer than an hour.
func checkLifetime(t *testing.T, site *testsite.Site) {
	t.Helper()
	cookie := site.Visitor().Post("/w/login?user=ann").SessionCookie()
	for minute := 1; minute <= 62; minute++ {
		site.Clock.Advance(time.Minute)
		client := site.As("sessionid=" + cookie.Value)
		want := "user=ann"
		if minute >= 60 {
			want = "user="
		}
		reply := client.Get("/w/user")
		if reply.Text != want {
			t.Fatalf("after %d minutes: %q, want %q", minute, reply.Text, want)
		}
		if minute < 60 {
			if reply := client.Get("/w/set?v=1"); reply.SessionCookie() != nil {
				cookie = reply.SessionCookie()
			}
		}
	}
}

func securityClock(t *testing.T) {
	onServerEngines(t, testsite.Setup{Config: ginsession.Config{CookieAge: 30 * time.Minute}}, func(t *testing.T, site *testsite.Site) {
		ended, living := site.Visitor(), site.Visitor()
		ended.Get("/w/set?v=ended")
		living.Get("/w/set?v=living")
		old := site.As("sessionid=" + ended.Key())
		ended.Get("/w/flush")
		for _, jump := range []time.Duration{-time.Hour, time.Hour, time.Hour, -time.Hour} {
			site.Clock.Advance(jump)
			if got := old.Get("/w/get").Text; got != "v=" {
				t.Errorf("the session that was ended reads %q", got)
			}
		}
		if got := living.Get("/w/get").Text; got != "v=living" {
			t.Errorf("the other one reads %q", got)
		}
	})
}
