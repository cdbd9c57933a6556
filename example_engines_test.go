package ginsession_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
)

// Sessions shared with a Django site, both ways.
func ExampleForDjango() {
	db := exampleDB("django")
	cfg := ginsession.ForDjango(db, ginsession.DjangoOptions{
		SecretKey: "Django's SECRET_KEY",
	})
	if err := ginsession.Migrate(db, ginsession.TableName("django_session")); err != nil {
		log.Fatal(err)
	}
	r := exampleSite()
	r.Use(ginsession.New(cfg))
	r.GET("/", func(c *gin.Context) {
		user, ok := ginsession.Value[string](ginsession.Get(c), "_auth_user_id")
		c.String(http.StatusOK, "user %q, signed in at Django: %v", user, ok)
	})

	exampleBrowser{}.asks(r, "GET", "/")
	// Output: GET / 200 user "", signed in at Django: false
}

func ExampleDB() {
	db := exampleDB("engine")
	if err := ginsession.Migrate(db); err != nil {
		log.Fatal(err)
	}
	_ = ginsession.Config{Engine: ginsession.DB(db)}
}

func ExampleTableName() {
	db := exampleDB("table")
	table := ginsession.TableName("shop_sessions")
	if err := ginsession.Migrate(db, table); err != nil {
		log.Fatal(err)
	}
	_ = ginsession.Config{Engine: ginsession.DB(db, table)}
}

// A memberSession has a column by which a member's sessions can be found.
type memberSession struct {
	ginsession.Model
	Member *string `gorm:"column:member;type:varchar(40);index"`
}

// Signing a member out everywhere.
func ExampleColumns() {
	db := exampleDB("columns")
	columns := ginsession.Columns(&memberSession{}, func(data map[string]any) map[string]any {
		return map[string]any{"member": data["member"]}
	})
	if err := ginsession.Migrate(db, columns); err != nil {
		log.Fatal(err)
	}
	m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.DB(db, columns)})
	if err != nil {
		log.Fatal(err)
	}
	for _, member := range []string{"alice", "alice", "bob"} {
		s := m.Open(context.Background(), "")
		s.Set("member", member)
		if err := s.Save(); err != nil {
			log.Fatal(err)
		}
	}
	result := db.Where("member = ?", "alice").Delete(&memberSession{})
	fmt.Println(result.RowsAffected, result.Error)
	// Output: 2 <nil>
}

func ExampleFile() {
	_ = ginsession.Config{Engine: ginsession.File("/var/lib/shop/sessions")}
}

func ExampleCached() {
	_ = ginsession.Config{Engine: ginsession.Cached(memory.New())}
}

// The database has the sessions, the cache saves reading them.
func ExampleCachedDB() {
	db := exampleDB("cacheddb")
	if err := ginsession.Migrate(db); err != nil {
		log.Fatal(err)
	}
	_ = ginsession.Config{Engine: ginsession.CachedDB(db, memory.New(), ginsession.CacheMaxAge(time.Minute))}
}

// Caches by name, as in Django's CACHES.
func ExampleCaches_Use() {
	caches := ginsession.Caches{
		"default":  memory.New(),
		"sessions": memory.New(memory.MaxBytes(256 << 20)),
	}
	_, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Cached(caches.Use("sessions"))})
	fmt.Println(err)
	_, err = ginsession.NewManager(ginsession.Config{Engine: ginsession.Cached(caches.Use("session"))})
	fmt.Println(err)
	// Output:
	// <nil>
	// ginsession: bad configuration: Engine: no cache has the alias "session": add it to the Caches or use another alias
}

func ExampleSignedCookies() {
	r := exampleSite()
	r.Use(ginsession.New(ginsession.Config{
		Engine:    ginsession.SignedCookies(),
		SecretKey: "at least 50 random characters, kept out of the repository",
	}))
	r.GET("/", func(c *gin.Context) {
		s := ginsession.Get(c)
		n, _ := ginsession.Value[int](s, "visits")
		s.Set("visits", n+1)
		c.String(http.StatusOK, "visit %d", n+1)
	})

	browser := exampleBrowser{}
	browser.asks(r, "GET", "/")
	browser.asks(r, "GET", "/")
	// Output:
	// GET / 200 visit 1
	// GET / 200 visit 2
}

// A store of your own. Package enginetest proves it.
func ExampleCustom() {
	var store ginsession.Store // yours
	_, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Custom(store)})
	fmt.Println(err)
	// Output: ginsession: bad configuration: Engine: Custom: the store is nil
}
