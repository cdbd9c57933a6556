package ginsession_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

// newDBSite starts a site whose sessions are in the table.
func newDBSite(t *testing.T, db *gorm.DB, table string, changes ...func(*ginsession.Config)) *site {
	t.Helper()
	engine := func(cfg *ginsession.Config) { cfg.Engine = ginsession.DB(db, ginsession.TableName(table)) }
	return newSite(t, append([]func(*ginsession.Config){engine}, changes...)...)
}

// TestDBStatements counts what one request with a session costs.
func TestDBStatements(t *testing.T) {
	set := func(s *ginsession.Session) { s.Set("a", 2) }
	requests := map[string]struct {
		handle func(*ginsession.Session)
		want   string
	}{
		"obtained":               {func(*ginsession.Session) {}, "SELECT"},
		"read":                   {func(s *ginsession.Session) { s.Get("a"); s.Get("b"); s.Key(); s.Keys() }, "SELECT"},
		"changed":                {set, "SELECT UPDATE"},
		"changed to the same":    {func(s *ginsession.Session) { s.Set("a", 1) }, "SELECT UPDATE"},
		"marked as modified":     {(*ginsession.Session).MarkModified, "SELECT UPDATE"},
		"deleted from":           {func(s *ginsession.Session) { s.Pop("a") }, "SELECT UPDATE"},
		"cleared":                {(*ginsession.Session).Clear, "SELECT UPDATE"},
		"modified":               {func(s *ginsession.Session) { dbIncrement(s) }, "SELECT UPDATE"},
		"claimed from":           {func(s *ginsession.Session) { _, _, _ = ginsession.Claim[int](s, "a") }, "SELECT UPDATE"},
		"flushed":                {func(s *ginsession.Session) { _ = s.Flush() }, "DELETE"},
		"read and flushed":       {func(s *ginsession.Session) { s.Get("a"); _ = s.Flush() }, "SELECT DELETE"},
		"flushed and set":        {func(s *ginsession.Session) { _ = s.Flush(); set(s) }, "DELETE INSERT"},
		"cycled":                 {func(s *ginsession.Session) { _ = s.CycleKey() }, "SELECT UPDATE"},
		"cycled and set":         {func(s *ginsession.Session) { _ = s.CycleKey(); set(s) }, "SELECT UPDATE"},
		"saved and changed more": {func(s *ginsession.Session) { set(s); _ = s.Save(); s.Set("b", 1) }, "SELECT UPDATE UPDATE"},
	}
	forEachRecordedDB(t, func(t *testing.T, db *gorm.DB, table string, r *recorder) {
		site := newDBSite(t, db, table)
		for name, request := range requests {
			v := site.visitor(t)
			v.post(func(s *ginsession.Session) { s.Set("a", 1) })
			site.clock.Advance(time.Minute)
			r.taken()
			v.post(request.handle)
			check(t, "statements of a request whose session was "+name, r.takenVerbs(), request.want)
		}
		site.visitor(t).send(http.MethodPost, func(*gin.Context) {})
		check(t, "statements of a request that did not ask for its session", r.takenVerbs(), "")
	})
}

func dbIncrement(s *ginsession.Session) {
	_, _ = ginsession.Modify(s, "n", func(n int, _ bool) int { return n + 1 })
}

func TestDBStatementsWithoutSession(t *testing.T) {
	set := func(s *ginsession.Session) { s.Set("a", 1) }
	read := func(s *ginsession.Session) { s.Get("a") }
	flush := func(s *ginsession.Session) { _ = s.Flush() }
	forEachRecordedDB(t, func(t *testing.T, db *gorm.DB, table string, r *recorder) {
		site := newDBSite(t, db, table)
		for _, request := range []struct {
			name, cookie string
			handle       func(*ginsession.Session)
			want         string
		}{
			{"set without a cookie", "", set, "INSERT"},
			{"read without a cookie", "", read, ""},
			{"flushed without a cookie", "", flush, ""},
			{"read with an unknown key", strings.Repeat("k", 32), read, "SELECT"},
			{"set with an unknown key", strings.Repeat("k", 32), set, "SELECT INSERT"},
			{"set with what is no key", "../etc/passwd", set, "INSERT"},
		} {
			v := site.visitor(t)
			if request.cookie != "" {
				v.setKey(request.cookie)
			}
			r.taken()
			v.post(request.handle)
			check(t, "statements of a request whose session was "+request.name, r.takenVerbs(), request.want)
		}
	})
}

func TestDBStatementsOfExtensions(t *testing.T) {
	nothing := func(*ginsession.Session) {}
	forEachRecordedDB(t, func(t *testing.T, db *gorm.DB, table string, r *recorder) {
		for _, c := range []struct {
			name   string
			change func(*ginsession.Config)
			after  time.Duration
			want   string
		}{
			{"SaveEveryRequest", func(cfg *ginsession.Config) { cfg.SaveEveryRequest = true }, time.Minute, "SELECT UPDATE"},
			{"RenewAfter, too early", func(cfg *ginsession.Config) { cfg.RenewAfter = time.Hour }, time.Minute, "SELECT"},
			{"RenewAfter", func(cfg *ginsession.Config) { cfg.RenewAfter = time.Hour }, 2 * time.Hour, "SELECT UPDATE"},
		} {
			site := newDBSite(t, db, table, c.change)
			v := site.visitor(t)
			v.post(func(s *ginsession.Session) { s.Set("a", 1) })
			site.clock.Advance(c.after)
			r.taken()
			v.post(nothing)
			check(t, "statements of an untouched session with "+c.name, r.takenVerbs(), c.want)
		}
	})
}

// TestDBStatementsOfMerge has another request change the session first.
func TestDBStatementsOfMerge(t *testing.T) {
	forEachRecordedDB(t, func(t *testing.T, db *gorm.DB, table string, r *recorder) {
		site := newDBSite(t, db, table)
		v := site.visitor(t)
		v.post(func(s *ginsession.Session) { s.Set("a", 1) })
		v.send(http.MethodPost, func(c *gin.Context) {
			s := ginsession.Get(c)
			s.Set("b", 1)
			site.somebodyElse(t, s.Key(), func(s *ginsession.Session) { s.Set("c", 1) })
			r.taken()
		})
		want := "UPDATE BEGIN SELECT UPDATE COMMIT"
		if db.Name() == "sqlite" {
			want = "UPDATE BEGIN UPDATE SELECT UPDATE COMMIT" // a write takes the lock
		}
		check(t, "statements of a save that had to merge", r.takenVerbs(), want)
	})
}

// TestDBPreparesOnce has the same requests prepare nothing the second time.
func TestDBPreparesOnce(t *testing.T) {
	forEachRecordedDB(t, func(t *testing.T, db *gorm.DB, table string, r *recorder) {
		pool, _ := db.DB()
		pool.SetMaxOpenConns(1)
		site := newDBSite(t, db, table)
		round := func() {
			v := site.visitor(t)
			for _, handle := range []func(*ginsession.Session){
				func(s *ginsession.Session) { s.Set("a", 1) },
				func(s *ginsession.Session) { s.Get("a") },
				func(s *ginsession.Session) { s.Set("a", 2) },
				func(s *ginsession.Session) { _ = s.CycleKey() },
				func(s *ginsession.Session) { _ = s.Flush() },
			} {
				site.clock.Advance(time.Minute)
				v.post(handle)
			}
		}
		round()
		before := r.preparations()
		round()
		check(t, "statements prepared in the second round", r.preparations()-before, 0)
	})
}

func TestDBStatementsOutsideRequests(t *testing.T) {
	forEachRecordedDB(t, func(t *testing.T, db *gorm.DB, table string, r *recorder) {
		site := newDBSite(t, db, table)
		v := site.visitor(t)
		v.post(func(s *ginsession.Session) { s.Set("a", 1) })
		key := v.key()
		r.taken()
		if ok, err := site.Exists(t.Context(), key); !ok || err != nil {
			t.Errorf("Exists: %v, %v", ok, err)
		}
		check(t, "statements of Exists", r.takenVerbs(), "SELECT")
		if err := site.Delete(t.Context(), key); err != nil {
			t.Error(err)
		}
		check(t, "statements of Delete", r.takenVerbs(), "DELETE")
	})
}
