package django_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

// testExpiry sets an expiry at each program and has the other one save the session.
func testExpiry(t *testing.T, _ backend, p *pair) {
	for name, program := range p.programs() {
		for _, until := range []bool{false, true} {
			if until && program == p.site.url && p.site.before41() {
				continue // it cannot
			}
			for _, seconds := range []int{0, 300} {
				if until && seconds == 0 {
					continue
				}
				visitor := newBrowser(t)
				visitor.submit(program, "/remember/", url.Values{
					"seconds": {strconv.Itoa(seconds)}, "until": {strconv.FormatBool(until)},
				})
				visitor.submit(p.other(program), "/cart/", url.Values{"item": {"tea"}})
				cookie := visitor.cookie
				if cookie == nil {
					t.Fatalf("%d seconds set by %s: the other program sets no cookie", seconds, name)
				}
				if seconds == 0 {
					if cookie.MaxAge != 0 || cookie.RawExpires != "" {
						t.Errorf("browser-close set by %s: the other's cookie is %v", name, cookie)
					}
					continue
				}
				exact := !until || p.site.before41()
				if cookie.MaxAge > 300 || cookie.MaxAge < 240 || exact && cookie.MaxAge < 299 {
					t.Errorf("%d seconds set by %s (until: %v): the other's cookie is %v", seconds, name, until, cookie)
				}
			}
		}
	}
}

// A record is what Django reads of a session.
type record struct {
	Key            string
	Data           any
	Until          float64 // when it ends, seconds since 1970
	AtBrowserClose bool    `json:"at_browser_close"`
}

func (s *site) load(t *testing.T, key string) record {
	t.Helper()
	var r record
	s.ask(t, "load", map[string]any{"key": key}, &r)
	return r
}

func (s *site) save(t *testing.T, data map[string]any, expiry map[string]any) (key string) {
	t.Helper()
	question := map[string]any{"data": tag(data)}
	for name, value := range expiry {
		question[name] = value
	}
	s.ask(t, "save", question, &key)
	return key
}

// save makes a session and returns what its cookie carries.
func (p *shop) save(t *testing.T, data map[string]any, expiry ginsession.Expiry) (key string) {
	t.Helper()
	s := p.Open(t.Context(), "")
	s.Update(data)
	s.SetExpiry(expiry)
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	return s.Key()
}

// testExpired compares the moment at which a session ends, from an hour ago to beyond a change
// of the clocks.
func testExpired(t *testing.T, b backend, p *pair) {
	data := map[string]any{"k": "v"}
	now := time.Now().Truncate(time.Second)
	for _, life := range []time.Duration{-time.Hour, -time.Minute, time.Minute, time.Hour, 24 * time.Hour, 200 * 24 * time.Hour} {
		date := now.Add(life)
		seconds := int(life / time.Second)
		dead := life < 0

		for name, expiry := range map[string]ginsession.Expiry{
			"date":    ginsession.ExpireAt(date),
			"seconds": ginsession.ExpireAfter(life),
		} {
			key := p.shop.save(t, data, expiry)
			got := p.site.load(t, key)
			switch {
			case b.stateless, b.files && name == "seconds": // Django ignores it
			case name == "date" && p.site.before41() && dead: // became one second
			case dead && got.Key == key: // the file backend begins another session
				t.Errorf("Gin ended it %v ago (%s), Django still has it", -life, name)
			case !dead && !isNear(got.Until, date) && !p.isNaive(got.Until, date):
				t.Errorf("Gin ends it at %v (%s), Django in %v", date, name, secondsUntil(got.Until))
			}
		}

		for name, expiry := range map[string]map[string]any{
			"date":    {"until": date.Unix()},
			"seconds": {"seconds": seconds},
		} {
			if name == "date" && p.site.before41() {
				continue // it cannot
			}
			s := p.shop.Open(t.Context(), p.site.save(t, data, expiry))
			if err := s.Load(); err != nil {
				t.Fatal(err)
			}
			switch gone := s.Key() == ""; {
			case gone != dead:
				t.Errorf("Django ends it in %v (%s): gone for Gin is %v", life, name, gone)
			case !gone && !isNear(float64(s.ExpiryDate().Unix()), date) && !p.isNaive(float64(s.ExpiryDate().Unix()), date):
				t.Errorf("Django ends it at %v (%s), Gin at %v", date, name, s.ExpiryDate())
			}
		}
	}
}

// isNear allows for the time that a test takes, where a life counts from when it was saved.
func isNear(unix float64, date time.Time) bool {
	difference := unix - float64(date.Unix())
	return difference > -2 && difference < 60
}

// isNaive tells that Django reckons in local time, which knows of no change of the clocks.
func (p *pair) isNaive(unix float64, date time.Time) bool {
	const hour = 3600
	return !p.site.UseTZ && (isNear(unix+hour, date) || isNear(unix-hour, date))
}

func secondsUntil(unix float64) time.Duration {
	return time.Until(time.Unix(int64(unix), 0)).Round(time.Second)
}

// testClear has each program clear what has expired, of its own and the other's.
func testClear(t *testing.T, b backend, p *pair) {
	if b.stateless {
		return
	}
	data := map[string]any{"k": "v"}
	for name, clear := range map[string]func(){
		"Django": func() { p.site.manage(t, "clearsessions") },
		"Gin": func() {
			if _, err := p.shop.ClearExpired(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		live := []string{
			p.site.save(t, data, nil),
			p.site.save(t, data, map[string]any{"seconds": 3600}),
			p.shop.save(t, data, ginsession.ExpireDefault),
			p.shop.save(t, data, ginsession.ExpireAfter(time.Hour)),
			p.shop.save(t, data, ginsession.ExpireAt(time.Now().Add(time.Hour))),
		}
		dead := []string{p.site.save(t, data, nil), p.shop.save(t, data, ginsession.ExpireDefault)}
		for _, key := range dead {
			p.expire(t, b, key)
		}
		clear()
		for _, key := range live {
			if !p.isStored(t, b, key) {
				t.Errorf("%s cleared a live session", name)
			}
		}
		for _, key := range dead {
			if p.isStored(t, b, key) {
				t.Errorf("%s left an expired session", name)
			}
		}
	}
}

// expire has a session's two weeks end an hour ago.
func (p *pair) expire(t *testing.T, b backend, key string) {
	t.Helper()
	const weeks = 14 * 24 * time.Hour
	ended := time.Now().Add(-time.Hour)
	if b.files {
		if err := os.Chtimes(p.site.file(key), time.Time{}, ended.Add(-weeks)); err != nil {
			t.Fatal(err)
		}
		return
	}
	p.site.ask(t, "set_expire_date", map[string]any{"key": key, "date": ended.Unix()}, nil)
}

// isStored reports whether there is a session, dead or alive.
func (p *pair) isStored(t *testing.T, b backend, key string) bool {
	t.Helper()
	if b.files {
		_, err := os.Stat(p.site.file(key))
		return err == nil
	}
	var n int64
	if err := p.shop.db.Table("django_session").Where("session_key = ?", key).Count(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n > 0
}

func (s *site) file(key string) string { return filepath.Join(s.SessionFilePath, "sessionid"+key) }
