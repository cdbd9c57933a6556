package ginsession_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// The Set-Cookie line for each setting of the cookie. KEY stands for the session's key.
func TestCookieSettings(t *testing.T) {
	const life = "Expires=Mon, 07 Dec 2026 04:45:00 GMT; Max-Age=1209600"
	for _, test := range []struct {
		name   string
		change func(*ginsession.Config)
		want   string
	}{
		{"default", func(*ginsession.Config) {},
			"sessionid=KEY; Path=/; " + life + "; HttpOnly; SameSite=Lax"},
		{"CookieName", func(c *ginsession.Config) { c.CookieName = "sid" },
			"sid=KEY; Path=/; " + life + "; HttpOnly; SameSite=Lax"},
		{"CookieAge", func(c *ginsession.Config) { c.CookieAge = time.Hour },
			"sessionid=KEY; Path=/; Expires=Mon, 23 Nov 2026 05:45:00 GMT; Max-Age=3600; HttpOnly; SameSite=Lax"},
		{"CookieDomain", func(c *ginsession.Config) { c.CookieDomain = "example.com" },
			"sessionid=KEY; Path=/; Domain=example.com; " + life + "; HttpOnly; SameSite=Lax"},
		{"CookieDomain with a dot", func(c *ginsession.Config) { c.CookieDomain = ".example.com" },
			"sessionid=KEY; Path=/; Domain=example.com; " + life + "; HttpOnly; SameSite=Lax"},
		{"CookiePath", func(c *ginsession.Config) { c.CookiePath = "/app" },
			"sessionid=KEY; Path=/app; " + life + "; HttpOnly; SameSite=Lax"},
		{"CookieHTTPOnly On", func(c *ginsession.Config) { c.CookieHTTPOnly = ginsession.On },
			"sessionid=KEY; Path=/; " + life + "; HttpOnly; SameSite=Lax"},
		{"CookieHTTPOnly Off", func(c *ginsession.Config) { c.CookieHTTPOnly = ginsession.Off },
			"sessionid=KEY; Path=/; " + life + "; SameSite=Lax"},
		{"CookieSecure", func(c *ginsession.Config) { c.CookieSecure = true },
			"sessionid=KEY; Path=/; " + life + "; HttpOnly; Secure; SameSite=Lax"},
		{"SameSite Strict", func(c *ginsession.Config) { c.CookieSameSite = http.SameSiteStrictMode },
			"sessionid=KEY; Path=/; " + life + "; HttpOnly; SameSite=Strict"},
		{"SameSite None", func(c *ginsession.Config) { c.CookieSameSite, c.CookieSecure = http.SameSiteNoneMode, true },
			"sessionid=KEY; Path=/; " + life + "; HttpOnly; Secure; SameSite=None"},
		{"no SameSite", func(c *ginsession.Config) { c.CookieSameSite = http.SameSiteDefaultMode },
			"sessionid=KEY; Path=/; " + life + "; HttpOnly"},
		{"CookiePartitioned", func(c *ginsession.Config) { c.CookiePartitioned, c.CookieSecure = true, true },
			"sessionid=KEY; Path=/; " + life + "; HttpOnly; Secure; SameSite=Lax; Partitioned"},
		{"ExpireAtBrowserClose", func(c *ginsession.Config) { c.ExpireAtBrowserClose = true },
			"sessionid=KEY; Path=/; HttpOnly; SameSite=Lax"},
		{"__Host-", func(c *ginsession.Config) { c.CookieName, c.CookieSecure = "__Host-id", true },
			"__Host-id=KEY; Path=/; " + life + "; HttpOnly; Secure; SameSite=Lax"},
		{"__Secure-", func(c *ginsession.Config) { c.CookieName, c.CookieSecure, c.CookiePath = "__Secure-id", true, "/x" },
			"__Secure-id=KEY; Path=/x; " + life + "; HttpOnly; Secure; SameSite=Lax"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newSite(t, test.change)
			var key string
			visitor := w.visitor(t)
			r := visitor.post(func(s *ginsession.Session) {
				s.Set("a", 1)
				save(t, s)
				key = s.Key()
			})
			check(t, "Set-Cookie", r.Header.Values("Set-Cookie"), []string{strings.Replace(test.want, "KEY", key, 1)})

			// The deletion repeats every attribute.
			attributes := test.want[strings.Index(test.want, "; "):]
			attributes = regexp.MustCompile(`Expires=[^;]*; Max-Age=\d+; `).ReplaceAllString(attributes, "")
			visitor.client.Jar = nil
			r = visitor.send(http.MethodPost, func(c *gin.Context) {
				s := w.session(t, key)
				check(t, "Flush", s.Flush(), error(nil))
				http.SetCookie(c.Writer, w.Cookie(s))
			})
			line := r.Header.Get("Set-Cookie")
			checkContains(t, line, "Expires=Thu, 01 Jan 1970 00:00:00 GMT", "Max-Age=0")
			line = regexp.MustCompile(`Expires=[^;]*; Max-Age=\d+; `).ReplaceAllString(line, "")
			check(t, "the deletion's attributes", line[strings.Index(line, "; "):], attributes)
		})
	}
}

// Each thing that is wrong is reported with its field, and all at once.
func TestConfigErrors(t *testing.T) {
	type config = ginsession.Config
	for _, test := range []struct {
		name   string
		change func(*config)
		want   []string // the fields, and what else the text tells
	}{
		{"no engine", func(c *config) { c.Engine = nil }, []string{"Engine: ", "ginsession.DB(db)"}},
		{"no store", func(c *config) { c.Engine = ginsession.Custom(nil) }, []string{"Engine: Custom"}},
		{"no database", func(c *config) { c.Engine = ginsession.DB(nil) }, []string{"Engine: ", "gorm.Open"}},
		{"an unknown cache", func(c *config) { c.Engine = ginsession.Cached(ginsession.Caches{}.Use("sessions")) }, []string{"Engine: ", `"sessions"`}},
		{"no default cache", func(c *config) { c.Engine = ginsession.Cached(ginsession.Caches{}.Use("")) }, []string{"Engine: ", `"default"`}},
		{"signed cookies without a key", func(c *config) { c.Engine = ginsession.SignedCookies() }, []string{"SecretKey: "}},

		{"a space in the name", func(c *config) { c.CookieName = "session id" }, []string{"CookieName: "}},
		{"a line break in the name", func(c *config) { c.CookieName = "a\r\nSet-Cookie: b" }, []string{"CookieName: "}},
		{"a domain with a port", func(c *config) { c.CookieDomain = "example.com:80" }, []string{"CookieDomain: "}},
		{"a domain with a semicolon", func(c *config) { c.CookieDomain = "a;b" }, []string{"CookieDomain: "}},
		{"a relative path", func(c *config) { c.CookiePath = "app" }, []string{"CookiePath: "}},
		{"a path with a semicolon", func(c *config) { c.CookiePath = "/;Domain=evil.com" }, []string{"CookiePath: "}},
		{"__Host- without Secure", func(c *config) { c.CookieName = "__Host-id" }, []string{"CookieName: ", "CookieSecure"}},
		{"__Secure- without Secure", func(c *config) { c.CookieName = "__Secure-id" }, []string{"CookieName: ", "CookieSecure"}},
		{"__host- in small letters", func(c *config) { c.CookieName = "__host-id" }, []string{"CookieName: ", "CookieSecure"}},
		{"__Host- with a domain", func(c *config) { c.CookieName, c.CookieSecure, c.CookieDomain = "__Host-id", true, "example.com" }, []string{"CookieName: ", "CookieDomain"}},
		{"__Host- with a path", func(c *config) { c.CookieName, c.CookieSecure, c.CookiePath = "__Host-id", true, "/app" }, []string{"CookieName: ", "CookiePath"}},
		{"an unknown SameSite", func(c *config) { c.CookieSameSite = 9 }, []string{"CookieSameSite: ", "9"}},
		{"a negative SameSite", func(c *config) { c.CookieSameSite = -1 }, []string{"CookieSameSite: "}},
		{"SameSite None without Secure", func(c *config) { c.CookieSameSite = http.SameSiteNoneMode }, []string{"CookieSameSite: ", "CookieSecure"}},
		{"Partitioned without Secure", func(c *config) { c.CookiePartitioned = true }, []string{"CookiePartitioned: ", "CookieSecure"}},
		{"an unknown switch", func(c *config) { c.CookieHTTPOnly, c.HashKeys = 3, 4 }, []string{"CookieHTTPOnly: ", "3", "HashKeys: ", "4"}},

		{"a negative age", func(c *config) { c.CookieAge = -time.Hour }, []string{"CookieAge: "}},
		{"an age below a second", func(c *config) { c.CookieAge = time.Millisecond }, []string{"CookieAge: ", "1ms"}},
		{"an age with a fraction", func(c *config) { c.CookieAge = 1500 * time.Millisecond }, []string{"CookieAge: "}},
		{"a negative lifetime", func(c *config) { c.MaxLifetime = -time.Hour }, []string{"MaxLifetime: "}},
		{"a lifetime with a fraction", func(c *config) { c.MaxLifetime = time.Second / 2 }, []string{"MaxLifetime: "}},
		{"a negative renewal", func(c *config) { c.RenewAfter = -1 }, []string{"RenewAfter: "}},
		{"a renewal after the end", func(c *config) { c.CookieAge, c.RenewAfter = time.Hour, time.Hour }, []string{"RenewAfter: ", "CookieAge"}},
		{"a renewal beside SaveEveryRequest", func(c *config) { c.RenewAfter, c.SaveEveryRequest = time.Hour, true }, []string{"RenewAfter: ", "SaveEveryRequest"}},
		{"a negative timeout", func(c *config) { c.StoreTimeout = -1 }, []string{"StoreTimeout: "}},

		{"fallbacks without a key", func(c *config) { c.SecretKeyFallbacks = []string{"old"} }, []string{"SecretKeyFallbacks: "}},
		{"an empty fallback", func(c *config) { c.SecretKey, c.SecretKeyFallbacks = "new", []string{"old", ""} }, []string{"SecretKeyFallbacks: ", "1"}},
		{"a salt without a key", func(c *config) { c.Salt = "shop" }, []string{"Salt: "}},

		{"much", func(c *config) {
			*c = config{
				CookieName: "a b", CookieDomain: ";", CookiePath: "x", CookieSameSite: 9, CookiePartitioned: true, CookieHTTPOnly: 9,
				HashKeys: 9, CookieAge: -1, MaxLifetime: -1, RenewAfter: -1, StoreTimeout: -1, SecretKeyFallbacks: []string{"x"}, Salt: "x",
			}
		}, []string{
			"Engine: ", "CookieName: ", "CookieDomain: ", "CookiePath: ", "CookieSameSite: ", "CookiePartitioned: ", "CookieHTTPOnly: ",
			"HashKeys: ", "CookieAge: ", "MaxLifetime: ", "RenewAfter: ", "StoreTimeout: ", "SecretKeyFallbacks: ", "Salt: ",
		}},
		{"an engine beside another field", func(c *config) { c.Engine, c.CookieName = ginsession.Custom(nil), "a b" }, []string{"Engine: ", "CookieName: "}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := config{Engine: ginsession.Custom(testsite.NewStore())}
			test.change(&cfg)
			m, err := ginsession.NewManager(cfg)
			if m != nil || !errors.Is(err, ginsession.ErrConfig) {
				t.Fatalf("NewManager: %v, %v, want no manager and an ErrConfig", m, err)
			}
			checkContains(t, err.Error(), test.want...)

			defer func() {
				panicked, ok := recover().(error)
				if !ok || panicked.Error() != err.Error() {
					t.Errorf("New panicked with %v, want %v", panicked, err)
				}
			}()
			ginsession.New(cfg)
		})
	}
}

// A short SecretKey works, and draws a warning.
func TestShortSecretKey(t *testing.T) {
	for key, warned := range map[string]bool{"x": true, strings.Repeat("x", 31): true, strings.Repeat("x", 32): false, "": false} {
		d := newDesk(t, func(cfg *ginsession.Config) { cfg.SecretKey = key })
		if log := d.log.String(); strings.Contains(log, "SecretKey") != warned || len(key) > 1 && strings.Contains(log, key) {
			t.Errorf("with a SecretKey of %d bytes: logged %q", len(key), log)
		}
	}
}

// No error of a Config shows its secrets.
func TestConfigErrorsShowNoSecret(t *testing.T) {
	_, err := ginsession.NewManager(ginsession.Config{SecretKey: "precious", SecretKeyFallbacks: []string{"retired", ""}})
	if text := fmt.Sprint(err); strings.Contains(text, "precious") || strings.Contains(text, "retired") {
		t.Errorf("the error shows a secret: %s", text)
	}
}

// Every field of Config has its line in one of the tests here or in the file named beside it.
func TestEveryFieldIsTested(t *testing.T) {
	tested := map[string]string{
		"Engine": "here", "CookieName": "here", "CookieAge": "here", "CookieDomain": "here", "CookiePath": "here",
		"CookieHTTPOnly": "here", "CookieSecure": "here", "CookieSameSite": "here", "CookiePartitioned": "here",
		"ExpireAtBrowserClose": "expiry_test.go", "SaveEveryRequest": "expiry_test.go", "Serializer": "serializer_test.go",
		"SecretKey": "record_test.go", "SecretKeyFallbacks": "record_test.go", "Salt": "record_test.go", "HashKeys": "here",
		"MaxLifetime": "expiry_test.go", "RenewAfter": "expiry_test.go", "StoreTimeout": "here", "ErrorHandler": "here",
		"Logger": "here", "Clock": "here", "InterruptSafeMethods": "interrupt_test.go", "NoStore": "security_managers_test.go", "MaxSessionsPerOwner": "owner_test.go", "ReadOld": "read_old_test.go", "EncryptionKeys": "encryption_test.go", "EncryptionMigrate": "encryption_test.go",
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[ginsession.Config]()) {
		if field.IsExported() && tested[field.Name] == "" {
			t.Errorf("Config.%s has no test", field.Name)
		}
	}
}

// With HashKeys the store sees a digest of a key, and a digest opens no session.
func TestHashKeys(t *testing.T) {
	const key = "abcdefghijklmnopqrstuvwxyz012345"
	for name, test := range map[string]struct {
		hash   ginsession.Switch
		stored string
	}{
		"unset": {0, "cfo8id4nnuu3v9n495krc3b74hhl8eqprmu7t0h2"},
		"On":    {ginsession.On, "cfo8id4nnuu3v9n495krc3b74hhl8eqprmu7t0h2"},
		"Off":   {ginsession.Off, key},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, func(cfg *ginsession.Config) { cfg.HashKeys = test.hash })
			d.store.Put(test.stored, `{"a":1}`)
			s := d.session(t, key)
			check(t, "Get", s.Get("a"), int64(1))
			check(t, "Key", s.Key(), key)
			s.Set("a", 2)
			save(t, s)
			check(t, "sessions", d.store.Keys(), []string{test.stored})
			if test.hash != ginsession.Off {
				check(t, "Len of the session that the digest opens", d.session(t, test.stored).Len(), 0)
			}
			exists, err := d.Exists(t.Context(), key)
			check(t, "Exists", []any{exists, err}, []any{true, error(nil)})
			check(t, "CycleKey", s.CycleKey(), error(nil))
			save(t, s)
			check(t, "the old key is gone", d.store.Text(test.stored), "")
			check(t, "Delete", d.Delete(t.Context(), s.Key()), error(nil))
			check(t, "sessions", d.store.Keys(), []string(nil))
		})
	}
}

// A patientStore answers when its context ends, and tells when that will be.
type patientStore struct {
	ginsession.Store
	deadline chan time.Time
}

func (s *patientStore) Load(ctx context.Context, _ string, _ time.Time) (ginsession.Record, error) {
	deadline, _ := ctx.Deadline()
	s.deadline <- deadline
	if time.Until(deadline) > time.Second {
		return ginsession.Record{}, ginsession.ErrNotFound
	}
	<-ctx.Done()
	return ginsession.Record{}, ctx.Err()
}

func TestStoreTimeout(t *testing.T) {
	for _, test := range []struct{ setting, want time.Duration }{
		{0, 5 * time.Second}, {time.Minute, time.Minute}, {10 * time.Millisecond, 10 * time.Millisecond},
	} {
		store := &patientStore{testsite.NewStore(), make(chan time.Time, 1)}
		d := newDesk(t, func(cfg *ginsession.Config) {
			cfg.Engine = ginsession.Custom(store)
			cfg.StoreTimeout = test.setting
		})
		before := time.Now()
		err := d.session(t, planted).Load()
		after := time.Now()
		if test.want < time.Second && (!errors.Is(err, ginsession.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded)) {
			t.Errorf("Load: %v, want ErrUnavailable and the cause", err)
		}
		if deadline := <-store.deadline; deadline.Before(before.Add(test.want)) || deadline.After(after.Add(test.want)) {
			t.Errorf("the store had %v, want %v", deadline.Sub(before), test.want)
		}
	}
}

// The default ErrorHandler answers with the error's status, a text, and nothing of the handler's.
func TestErrorHandler(t *testing.T) {
	broken := errors.New("broken at 10.0.0.1")
	for _, test := range []struct {
		name     string
		sabotage func(w *site, key string)
		value    any
		err      error
		want     int
		text     string
	}{
		{"unavailable", func(w *site, _ string) { w.store.SetBefore(func(string) error { return broken }) }, 1,
			ginsession.ErrUnavailable, http.StatusServiceUnavailable, "Sessions are unavailable at the moment. Please try again.\n"},
		{"interrupted", func(w *site, key string) { _ = w.Delete(context.Background(), key) }, 1,
			ginsession.ErrInterrupted, http.StatusConflict, "Your session ended while this request ran.\n"},
		{"not storable", func(*site, string) {}, func() {},
			ginsession.ErrEncode, http.StatusInternalServerError, "The session could not be saved.\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			handled := func(custom bool) (reply, error) {
				var handed error
				w := newSite(t, func(cfg *ginsession.Config) {
					if custom {
						cfg.ErrorHandler = func(c *gin.Context, err error) {
							handed = err
							c.String(http.StatusTeapot, "sorry")
						}
					}
				})
				v := w.visitor(t)
				v.post(func(s *ginsession.Session) { s.Set("a", 1) })
				r := v.send(http.MethodPost, func(c *gin.Context) {
					s := ginsession.Get(c)
					s.Keys()
					test.sabotage(w, v.key())
					s.Set("a", test.value)
					c.Header("ETag", `"x"`)
					c.String(http.StatusOK, "the handler's page")
				})
				return r, handed
			}
			r, _ := handled(false)
			check(t, "status", r.StatusCode, test.want)
			check(t, "body", r.body, test.text)
			check(t, "ETag", r.Header.Get("ETag"), "")
			check(t, "Set-Cookie", r.Header.Values("Set-Cookie"), []string(nil))

			r, err := handled(true)
			check(t, "status of a custom one", r.StatusCode, http.StatusTeapot)
			check(t, "body of a custom one", r.body, "sorry")
			if !errors.Is(err, test.err) {
				t.Errorf("the error is %v, want %v", err, test.err)
			}
		})
	}
}

func TestDefaultLogger(t *testing.T) {
	log := &testsite.Log{}
	standard := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(log, nil)))
	defer slog.SetDefault(standard)
	d := newDesk(t, func(cfg *ginsession.Config) { cfg.Logger = nil })
	d.store.Put(planted, "corrupt")
	d.session(t, planted).Keys()
	checkContains(t, log.String(), "level=WARN", "ginsession: ")
}

func TestDefaultClock(t *testing.T) {
	d := newDesk(t, func(cfg *ginsession.Config) { cfg.Clock = nil })
	before := time.Now().Truncate(time.Second)
	s := d.session(t, "")
	save(t, s)
	expires := d.store.Record(s.Key()).Expires
	if expires.Before(before.Add(14*day)) || expires.After(time.Now().Add(14*day+time.Second)) {
		t.Errorf("Expires = %v, want 14 days from now", expires)
	}
}

// If Gin is in release mode without CookieSecure, a warning is logged once.
func TestWarningWithoutCookieSecure(t *testing.T) {
	mode := gin.Mode()
	defer gin.SetMode(mode)
	for _, test := range []struct {
		mode   string
		secure bool
		want   int
	}{
		{gin.ReleaseMode, false, 1}, {gin.ReleaseMode, true, 0}, {gin.TestMode, false, 0},
	} {
		gin.SetMode(test.mode)
		d := newDesk(t, func(cfg *ginsession.Config) { cfg.CookieSecure = test.secure })
		d.session(t, d.saved(t, map[string]any{"a": 1})).Keys()
		check(t, "warnings", strings.Count(d.log.String(), "CookieSecure"), test.want)
	}
}

// The caller's Config is not changed, and may be used again.
func TestConfigIsNotChanged(t *testing.T) {
	cfg := ginsession.Config{Engine: ginsession.Custom(testsite.NewStore())}
	for range 2 {
		if _, err := ginsession.NewManager(cfg); err != nil {
			t.Fatal(err)
		}
	}
	check(t, "CookieName", cfg.CookieName, "")
	check(t, "Clock is nil", cfg.Clock == nil, true)
}
