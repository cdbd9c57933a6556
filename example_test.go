package ginsession_test

import (
	"context"
	"log"
	"net/http"

	"github.com/gin-gonic/gin"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
)

// exampleDB opens a database in memory. In a program it is PostgreSQL, MySQL or a file.
func exampleDB(name string) *gorm.DB {
	db, err := gorm.Open(sqlite.Open("file:"+name+"?mode=memory&cache=shared"), &gorm.Config{})
	if err != nil {
		log.Fatal(err)
	}
	return db
}

// exampleManager has its sessions in memory.
func exampleManager() *ginsession.Manager {
	m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Cached(memory.New())})
	if err != nil {
		log.Fatal(err)
	}
	return m
}

// exampleSession is what ginsession.Get(c) returns in a handler.
func exampleSession() *ginsession.Session {
	return exampleManager().Open(context.Background(), "")
}

// A counter for each visitor, on a database.
func Example() {
	db := exampleDB("example")
	if err := ginsession.Migrate(db); err != nil { // once, before serving
		log.Fatal(err)
	}
	r := exampleSite()
	r.Use(ginsession.New(ginsession.Config{Engine: ginsession.DB(db)}))
	r.GET("/", func(c *gin.Context) {
		s := ginsession.Get(c)
		n, _ := ginsession.Value[int](s, "visits")
		s.Set("visits", n+1) // saved by itself, before the response's first byte
		c.JSON(http.StatusOK, gin.H{"visits": n + 1})
	})

	alice, bob := exampleBrowser{}, exampleBrowser{}
	alice.asks(r, "GET", "/")
	alice.asks(r, "GET", "/")
	bob.asks(r, "GET", "/")
	// Output:
	// GET / 200 {"visits":1}
	// GET / 200 {"visits":2}
	// GET / 200 {"visits":1}
}
