package ginsession_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/internal/testsite"
)

// What a session library must withstand, a rule a test. The numbers are those of OWASP's
// Application Security Verification Standard 5.0.0, which docs/security.md goes through row by row.
func TestSecurity(t *testing.T) {
	for _, rule := range []struct {
		name string
		test func(t *testing.T)
	}{
		{"14.2.1 a key counts in the cookie only", securityCookieOnly},
		{"3.3.1 cookie prefixes and attributes are checked", securityCookieAttributes},
		{"3.3.5 a cookie of 4096 bytes is sent, one of 4097 refused", securityCookieSize},
		{"7.2.1 an unknown key is never adopted", securityFixation},
		{"7.2.3 keys are random", securityRandomness},
		{"7.2.3 without randomness there is no key", securityNoRandomness},
		{"7.2.4 a sign-in leaves a planted key worthless", securitySignInCycles},
		{"7.3.1 an idle session ends", securityIdle},
		{"7.3.2 a session ends after its lifetime", securityLifetime},
		{"7.4.1 a cookie from before the sign-out is worthless", securityReplay},
		{"what is no key never reaches the store", securityUntrustedKeys},
		{"junk keys fill no store", securityStoreFilling},
		{"after a flush an empty cookie is nobody's", securityEmptyCookie},
		{"fifty cookies cost three loads", securityAmplification},
		{"what the store knows opens nothing", securityStolenStore},
		{"a request that outlives the sign-out revives nothing", securityResurrection},
		{"a sign-in sent twice revives nothing", securitySignInTwice},
		{"records are JSON", securityJSON},
		{"what was signed for another purpose is refused", securityOtherPurpose},
		{"a retired secret is refused", securityRotation},
		{"a signed bomb does not go off", securityBombs},
		{"a record cut or flipped anywhere is no session", securityTornRecord},
		{"a clock that goes back revives nothing", securityClock},
		{"caches see Vary and private", securityVary},
		{"a caching proxy gives nobody another's cookie", securityProxy},
		{"no log holds a key or a secret", securityLogs},
		{"a dump of many cookies is masked in one pass", securityMaskedDump},
	} {
		t.Run(rule.name, rule.test)
	}
}

// onServerEngines runs f for a site on each engine that keeps sessions on the server.
func onServerEngines(t *testing.T, setup testsite.Setup, f func(t *testing.T, site *testsite.Site)) {
	t.Helper()
	for name, engine := range map[string]func(t *testing.T) ginsession.Engine{
		"custom": func(*testing.T) ginsession.Engine { return nil },
		"db":     func(t *testing.T) ginsession.Engine { return ginsession.DB(migrated(t)) },
		"file":   func(t *testing.T) ginsession.Engine { return ginsession.File(t.TempDir()) },
		"cached": func(*testing.T) ginsession.Engine { return ginsession.Cached(memory.New()) },
		"cached_db": func(t *testing.T) ginsession.Engine {
			return ginsession.CachedDB(migrated(t), memory.New())
		},
	} {
		t.Run(name, func(t *testing.T) {
			setup.Engine = engine(t)
			f(t, testsite.New(t, setup))
		})
	}
}

// migrated returns a new database in a file, with the sessions table.
func migrated(t *testing.T) *gorm.DB {
	t.Helper()
	db := openSQLite(t)
	if err := ginsession.Migrate(db); err != nil {
		t.Fatal(err)
	}
	return db
}

// visit sends a request past the network, which would not carry every cookie.
func visit(h http.Handler, method, path string, cookies ...string) *testsite.Reply {
	req := httptest.NewRequest(method, path, nil)
	req.Header["Cookie"] = cookies
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return &testsite.Reply{Response: w.Result(), Text: w.Body.String()}
}
