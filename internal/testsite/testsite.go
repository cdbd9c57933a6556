// Package testsite is the fixture of this module's tests: a site with sessions behind a TLS
// server, visitors with a browser's cookie jar, and what a test looks at behind the site: a
// store that records what it was asked, a clock that the test moves, and the log.
//
// A test of requests starts with New; a test of sessions without requests starts with NewDesk.
package testsite

import (
	"bytes"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

// CookieName is the name of the cookie that Visitor.Key, Visitor.SetKey and Reply.SessionCookie
// look for: the default of Config.CookieName.
const CookieName = "sessionid"

// Start is the time that a new Clock shows.
var Start = time.Date(2026, time.November, 23, 4, 45, 0, 0, time.UTC)

// A Clock stands still until Advance moves it.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that shows Start.
func NewClock() *Clock { return &Clock{now: Start} }

// Now is a Config.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock by d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A Log keeps what is written to it. The zero value is empty and ready to use.
type Log struct {
	mu    sync.Mutex
	text  bytes.Buffer
	begin int // of what String returns
}

// Write never fails.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// Clear forgets what was logged, such as the warnings at start-up.
func (l *Log) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begin = l.text.Len()
}

// String returns everything logged since the start or the last Clear.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text.Bytes()[l.begin:])
}

// All returns everything logged since the start.
func (l *Log) All() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Logger returns a logger that writes to l as text.
func (l *Log) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// A Desk is a Manager with what a test looks at behind it.
type Desk struct {
	*ginsession.Manager
	Store *Store // not used if the Config has another Engine
	Clock *Clock
	Log   *Log
}

// NewDesk makes a Manager. Each change alters its Config, in which Engine, Clock and Logger are
// the Desk's own. A bad Config fails the test, and so does a key or a secret in the Desk's log.
func NewDesk(t testing.TB, changes ...func(*ginsession.Config)) *Desk {
	t.Helper()
	d := &Desk{Store: NewStore(), Clock: NewClock(), Log: &Log{}}
	cfg := ginsession.Config{
		Engine: ginsession.Custom(d.Store),
		Clock:  d.Clock.Now,
		Logger: d.Log.Logger(),
	}
	for _, change := range changes {
		change(&cfg)
	}
	t.Cleanup(func() {
		if secret := FindSecret(d.Log.All(), secretsOf(cfg)...); secret != "" {
			t.Errorf("%q is in the log:\n%s", secret, d.Log.All())
		}
	})
	m, err := ginsession.NewManager(cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.Manager = m
	return d
}
