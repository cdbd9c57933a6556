package django_test

import (
	"testing"
)

func TestSharedSessions(t *testing.T) {
	for _, kind := range []struct {
		name     string
		database database
	}{
		{"sqlite", newSQLite},
	} {
		t.Run(kind.name, func(t *testing.T) {
			db, setting := kind.database(t)
			s := startSite(t, siteConfig{
				SecretKey:     secretKey,
				Database:      setting,
				UseTZ:         true,
				TimeZone:      "America/New_York",
				SessionEngine: "django.contrib.sessions.backends.db",
			}, db)
			t.Logf("Django %d.%d", s.version[0], s.version[1])
			p := startShop(t, s, s.sessionConfig(t))
			var id string
			s.ask(t, "create_user", map[string]any{"name": "ada", "password": "pw"}, &id)
			b := newBrowser(t)
			b.signIn(s, "ada", "pw")
			if user := b.cart(p.url).User; user != "ada" {
				t.Errorf("Gin greets %q", user)
			}
		})
	}
}
