package ginsession_test

import (
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

func securityIdle(t *testing.T) {
	setup := webSetup{Config: ginsession.Config{CookieAge: 30 * time.Minute}}
	onServerEngines(t, setup, func(t *testing.T, site *webSite) { checkIdle(t, site) })
	t.Run("signed_cookies", func(t *testing.T) {
		setup.Engine, setup.SecretKey = ginsession.SignedCookies(), "secret"
		checkIdle(t, newWebSite(t, setup))
	})
}

// checkIdle has a client keep its cookie for longer than the session lives.
func checkIdle(t *testing.T, site *webSite) {
	t.Helper()
	v := site.visitor()
	v.get("/w/set?v=1")
	client := site.as("sessionid=" + v.key())
	for _, tt := range []struct {
		later time.Duration
		reads string
	}{
		{30*time.Minute - time.Second, "v=1"},
		{time.Second, "v="},
		{time.Hour, "v="},
	} {
		site.clock.Advance(tt.later)
		if got := client.get("/w/get").Text; got != tt.reads {
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
			onServerEngines(t, webSetup{Config: cfg}, func(t *testing.T, site *webSite) { checkLifetime(t, site) })
			t.Run("signed_cookies", func(t *testing.T) {
				cfg.Engine, cfg.SecretKey = ginsession.SignedCookies(), "secret"
				checkLifetime(t, newWebSite(t, webSetup{Config: cfg}))
			})
		})
	}
}

// checkLifetime touches a session every minute for longer than an hour.
func checkLifetime(t *testing.T, site *webSite) {
	t.Helper()
	cookie := site.visitor().post("/w/login?user=ann").cookie(t)
	for minute := 1; minute <= 62; minute++ {
		site.clock.Advance(time.Minute)
		client := site.as("sessionid=" + cookie.Value)
		want := "user=ann"
		if minute >= 60 {
			want = "user="
		}
		reply := client.get("/w/user")
		if reply.Text != want {
			t.Fatalf("after %d minutes: %q, want %q", minute, reply.Text, want)
		}
		if minute < 60 {
			if reply := client.get("/w/set?v=1"); reply.cookie(t) != nil {
				cookie = reply.cookie(t)
			}
		}
	}
}

func securityClock(t *testing.T) {
	onServerEngines(t, webSetup{Config: ginsession.Config{CookieAge: 30 * time.Minute}}, func(t *testing.T, site *webSite) {
		ended, living := site.visitor(), site.visitor()
		ended.get("/w/set?v=ended")
		living.get("/w/set?v=living")
		old := site.as("sessionid=" + ended.key())
		ended.get("/w/flush")
		for _, jump := range []time.Duration{-time.Hour, time.Hour, time.Hour, -time.Hour} {
			site.clock.Advance(jump)
			if got := old.get("/w/get").Text; got != "v=" {
				t.Errorf("the session that was ended reads %q", got)
			}
		}
		if got := living.get("/w/get").Text; got != "v=living" {
			t.Errorf("the other one reads %q", got)
		}
	})
}
