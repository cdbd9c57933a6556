package ginsession_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
)

func ExampleNewManager() {
	_, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.SignedCookies()})
	fmt.Println(errors.Is(err, ginsession.ErrConfig))
	fmt.Println(err)
	// Output:
	// true
	// ginsession: bad configuration: SecretKey: not set: SignedCookies signs the session with it; use at least 50 random characters
}

func ExampleConfig() {
	_ = ginsession.Config{
		Engine:       ginsession.Cached(memory.New()),
		CookieName:   "__Host-sid",
		CookieSecure: true,
		CookieAge:    7 * 24 * time.Hour,
		RenewAfter:   time.Hour,           // extended while it is in use, written once an hour at most
		MaxLifetime:  30 * 24 * time.Hour, // then the visitor signs in again, whatever the activity
		Logger:       slog.Default(),
		ErrorHandler: func(c *gin.Context, err error) {
			if errors.Is(err, ginsession.ErrInterrupted) {
				c.String(http.StatusConflict, "You have signed out in another window.")
				return
			}
			c.String(http.StatusServiceUnavailable, "Please try again in a minute.")
		},
	}
}

// A session outside a request, for a command or a background task.
func ExampleManager_Open() {
	ctx := context.Background()
	m := exampleManager()
	s := m.Open(ctx, "") // a new one
	s.Set("user", "alice")
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}

	again := m.Open(ctx, s.Key())
	fmt.Println(again.Get("user"))
	// Output: alice
}

// A test that needs a signed-in visitor makes one without the sign-in page.
func ExampleManager_Cookie() {
	m := exampleManager()
	r := exampleSite()
	r.Use(m.Handler())
	r.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "hello, %v", ginsession.Get(c).Get("user")) })

	s := m.Open(context.Background(), "")
	s.Set("user", "alice")
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.AddCookie(m.Cookie(s))
	recorder := httptest.NewRecorder()
	r.ServeHTTP(recorder, request)
	fmt.Println(recorder.Body)
	// Output: hello, alice
}

func ExampleManager_Exists() {
	ctx := context.Background()
	m := exampleManager()
	s := m.Open(ctx, "")
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Exists(ctx, s.Key()))
	fmt.Println(m.Exists(ctx, "abcdefghijklmnopqrstuvwxyz012345"))
	// Output:
	// true <nil>
	// false <nil>
}

// Signing a visitor out from outside, by the key that the cookie carries.
func ExampleManager_Delete() {
	ctx := context.Background()
	m := exampleManager()
	s := m.Open(ctx, "")
	s.Set("user", "alice")
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	if err := m.Delete(ctx, s.Key()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Exists(ctx, s.Key()))

	s.Set("late", true) // by a request that is still running
	fmt.Println(errors.Is(s.Save(), ginsession.ErrInterrupted))
	// Output:
	// false <nil>
	// true
}

func ExampleManager_ClearExpired() {
	ctx := context.Background()
	db := exampleDB("clear")
	if err := ginsession.Migrate(db); err != nil {
		log.Fatal(err)
	}
	m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.DB(db)})
	if err != nil {
		log.Fatal(err)
	}
	for range 3 {
		s := m.Open(ctx, "")
		s.SetExpiry(ginsession.ExpireAt(time.Now().Add(-time.Hour)))
		if err := s.Save(); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(m.ClearExpired(ctx, ginsession.ClearBatchSize(500)))
	// Output: 3 <nil>
}

func ExampleManager_StartCleaner() {
	m := exampleManager()
	stop := m.StartCleaner(context.Background(), time.Hour)
	defer stop() // waits for a cleaning that is under way

	// ... serve ...

	// Output:
}

func ExampleMigrate() {
	db := exampleDB("migrate")
	for range 2 { // at every start: what is there stays
		if err := ginsession.Migrate(db); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(db.Migrator().HasTable("gin_session"))
	// Output: true
}
