package ginsession_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

func securityStoreFilling(t *testing.T) {
	const requests = 1000
	for _, junk := range []struct {
		name string
		key  func(i int) string
	}{
		{"no keys at all", func(i int) string { return fmt.Sprint("junk-", i) }},
		{"unknown keys", func(i int) string { return fmt.Sprintf("junk%028d", i) }},
	} {
		t.Run(junk.name, func(t *testing.T) {
			for name, engine := range map[string]ginsession.Engine{"custom": nil, "db": ginsession.DB(migrated(t))} {
				store := newSpyStore()
				if engine == nil {
					engine = ginsession.Custom(store)
				}
				r := newWebRouter()
				r.Use(ginsession.New(ginsession.Config{Engine: engine, SaveEveryRequest: true}))
				addWebPages(r)
				for i := range requests {
					cookie := "sessionid=" + junk.key(i)
					if reply := visit(r, http.MethodGet, "/w/get", cookie); reply.cookie(t) != nil {
						t.Fatalf("%s: a read sets %v", name, reply.cookie(t))
					}
					if got := setCookieKind(visit(r, http.MethodPost, "/w/flush", cookie).cookie(t), ""); got != "deleted" {
						t.Fatalf("%s: a flush sets %q, want the cookie's deletion", name, got)
					}
				}
				if n := len(store.keys()); n != 0 {
					t.Errorf("%s: %d records", name, n)
				}
			}
		})
	}
	t.Run("rows", func(t *testing.T) {
		db := migrated(t)
		r := newWebRouter()
		r.Use(ginsession.New(ginsession.Config{Engine: ginsession.DB(db)}))
		addWebPages(r)
		for i := range requests {
			visit(r, http.MethodPost, "/w/flush", fmt.Sprintf("sessionid=junk%028d", i))
		}
		if n := countRows(t, db); n != 0 {
			t.Errorf("%d rows", n)
		}
		visit(r, http.MethodPost, "/w/set?v=1")
		if n := countRows(t, db); n != 1 {
			t.Errorf("%d rows after a write, want one", n)
		}
	})
}

func countRows(t *testing.T, db *gorm.DB) (n int64) {
	t.Helper()
	if err := db.Model(&ginsession.Model{}).Count(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}

func securityAmplification(t *testing.T) {
	site := newWebSite(t, webSetup{})
	var cookies []string
	for i := range 50 {
		cookies = append(cookies, fmt.Sprintf("sessionid=junk%028d", i))
	}
	for name, header := range map[string][]string{"one header": {strings.Join(cookies, "; ")}, "fifty headers": cookies} {
		for path, most := range map[string]int{"/w/get": 3, "/w/set?v=1": 4, "/w/flush": 16, "/w/login?user=x": 4} {
			visit(site.Config.Handler, http.MethodPost, path, header...)
			if calls := site.store.taken(); len(calls) > most {
				t.Errorf("%s, %s: %v", name, path, calls)
			}
		}
	}
}

func securityStolenStore(t *testing.T) {
	t.Run("custom", func(t *testing.T) {
		site := newWebSite(t, webSetup{})
		v := site.visitor()
		v.post("/w/login?user=ann")
		checkStolen(t, site, v.key(), site.store.keys())
	})
	t.Run("db", func(t *testing.T) {
		db := migrated(t)
		site := newWebSite(t, webSetup{Config: ginsession.Config{Engine: ginsession.DB(db)}})
		v := site.visitor()
		v.post("/w/login?user=ann")
		var keys []string
		if err := db.Model(&ginsession.Model{}).Pluck("session_key", &keys).Error; err != nil {
			t.Fatal(err)
		}
		checkStolen(t, site, v.key(), keys)
	})
}

// checkStolen sends what the store knows a session by as a cookie.
func checkStolen(t *testing.T, site *webSite, key string, stored []string) {
	t.Helper()
	if len(stored) != 1 || len(stored[0]) != 40 || strings.Trim(stored[0], "0123456789abcdefghijklmnopqrstuv") != "" {
		t.Fatalf("stored keys %q", stored)
	}
	if strings.Contains(stored[0], key) {
		t.Error("the store has the key itself")
	}
	if reply := site.as("sessionid=" + stored[0]).get("/w/user"); reply.Text != "user=" {
		t.Errorf("the stored digest opens %q", reply.Text)
	}
	if ok, err := site.manager.Exists(t.Context(), stored[0]); ok || err != nil {
		t.Errorf("the stored digest exists: %t, %v", ok, err)
	}
	if got := site.as("sessionid=" + key).get("/w/user").Text; got != "user=ann" {
		t.Errorf("the key itself opens %q", got)
	}
}
