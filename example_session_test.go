package ginsession_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

func ExampleValue() {
	type cart struct {
		Items map[string]int
	}
	ctx := context.Background()
	m := exampleManager()
	s := m.Open(ctx, "")
	s.Set("visits", 3)
	s.Set("cart", cart{map[string]int{"apple": 1}})
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}

	s = m.Open(ctx, s.Key()) // the next request
	fmt.Println(ginsession.Value[int](s, "visits"))
	fmt.Println(ginsession.Value[string](s, "visits"))
	fmt.Println(ginsession.Value[int](s, "absent"))
	c, _ := ginsession.Value[cart](s, "cart")
	c.Items["pear"] = 2 // what is changed inside is saved
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	raw, _ := ginsession.Value[json.RawMessage](s, "cart")
	fmt.Println(string(raw))
	// Output:
	// 3 true
	//  false
	// 0 false
	// {"Items":{"apple":1,"pear":2}}
}

// A counter that two requests at once increment by two.
func ExampleModify() {
	ctx := context.Background()
	m := exampleManager()
	first := m.Open(ctx, "")
	first.Set("points", 10)
	if err := first.Save(); err != nil {
		log.Fatal(err)
	}
	second := m.Open(ctx, first.Key())

	increment := func(points int, _ bool) int { return points + 1 }
	for _, s := range []*ginsession.Session{first, second} {
		points, err := ginsession.Modify(s, "points", increment)
		fmt.Println(points, err) // provisional
	}
	for _, s := range []*ginsession.Session{first, second} {
		if err := s.Save(); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(second.Get("points"))
	// Output:
	// 11 <nil>
	// 11 <nil>
	// 12
}

// A token that can be used only once, even if its form is sent twice.
func ExampleClaim() {
	ctx := context.Background()
	m := exampleManager()
	form := m.Open(ctx, "")
	form.Set("token", "order-7")
	if err := form.Save(); err != nil {
		log.Fatal(err)
	}
	for range 2 {
		s := m.Open(ctx, form.Key())
		token, ok, err := ginsession.Claim[string](s, "token")
		switch {
		case err != nil:
			log.Fatal(err) // it must not be relied on
		case ok:
			fmt.Println("carried out:", token)
		default:
			fmt.Println("sent before")
		}
	}
	// Output:
	// carried out: order-7
	// sent before
}

func ExampleSession_Get() {
	ctx := context.Background()
	m := exampleManager()
	s := m.Open(ctx, "")
	s.Update(map[string]any{"n": 1, "f": 1.0, "list": []string{"x"}})
	fmt.Printf("%T %T %T %T\n", s.Get("n"), s.Get("f"), s.Get("list"), s.Get("absent"))
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	s = m.Open(ctx, s.Key()) // the next request
	fmt.Printf("%T %T %T %T\n", s.Get("n"), s.Get("f"), s.Get("list"), s.Get("absent"))
	// Output:
	// int64 float64 []interface {} <nil>
	// int64 float64 []interface {} <nil>
}

func ExampleSession_Lookup() {
	s := exampleSession()
	s.Set("answer", nil)
	fmt.Println(s.Lookup("answer"))
	fmt.Println(s.Lookup("question"))
	// Output:
	// <nil> true
	// <nil> false
}

func ExampleSession_Set() {
	s := exampleSession()
	s.Set("cart", map[string]int{"apple": 1})
	s.Set("cart", map[string]int{"pear": 2})
	fmt.Println(s.Get("cart"), s.Modified())
	// Output: map[pear:2] true
}

func ExampleSession_Delete() {
	s := exampleSession()
	s.Set("cart", "full")
	fmt.Println(s.Delete("cart"))
	fmt.Println(s.Delete("cart"))
	// Output:
	// <nil>
	// ginsession: no such key in the session: "cart"
}

func ExampleSession_Has() {
	s := exampleSession()
	s.Set("user", nil)
	fmt.Println(s.Has("user"), s.Has("visitor"))
	// Output: true false
}

// A message that is shown once.
func ExampleSession_Pop() {
	s := exampleSession()
	s.Set("message", "saved")
	fmt.Println(s.Pop("message"))
	fmt.Println(s.Pop("message"))
	// Output:
	// saved true
	// <nil> false
}

func ExampleSession_SetDefault() {
	s := exampleSession()
	fmt.Println(s.SetDefault("theme", "light"))
	fmt.Println(s.SetDefault("theme", "dark"))
	// Output:
	// light
	// light
}

func ExampleSession_Update() {
	s := exampleSession()
	s.Set("a", 1)
	s.Update(map[string]any{"a": 2, "b": 3})
	fmt.Println(s.Items())
	// Output: map[a:2 b:3]
}

func ExampleSession_All() {
	s := exampleSession()
	s.Update(map[string]any{"b": 2, "a": 1})
	for key, value := range s.All() {
		fmt.Println(key, value)
	}
	// Output:
	// a 1
	// b 2
}

func ExampleSession_Keys() {
	s := exampleSession()
	s.Update(map[string]any{"b": 2, "a": 1})
	fmt.Println(s.Keys(), s.Values(), s.Len())
	// Output: [a b] [1 2] 2
}

// Clear empties the session and keeps its key, Flush ends it.
func ExampleSession_Clear() {
	s := exampleSession()
	s.Set("a", 1)
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	s.Clear()
	fmt.Println(s.Len(), s.Key() == "", s.IsEmpty())
	if err := s.Flush(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Len(), s.Key() == "", s.IsEmpty())
	// Output:
	// 0 false false
	// 0 true true
}

func ExampleSession_Flush() {
	ctx := context.Background()
	m := exampleManager()
	s := m.Open(ctx, "")
	s.Set("user", "alice")
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	key := s.Key()
	if err := s.Flush(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Exists(ctx, key))
	fmt.Println(s.Items(), s.Key() == "")
	// Output:
	// false <nil>
	// map[] true
}

func ExampleSession_CycleKey() {
	ctx := context.Background()
	m := exampleManager()
	s := m.Open(ctx, "")
	s.Set("cart", "full")
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	old := s.Key()
	if err := s.CycleKey(); err != nil {
		log.Fatal(err)
	}
	s.Set("user", "alice")
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Key() == old, s.Items())
	fmt.Println(m.Exists(ctx, old))
	// Output:
	// false map[cart:full user:alice]
	// false <nil>
}

// A value that cannot be stored is named, and nothing is saved.
func ExampleSession_Save() {
	s := exampleSession()
	s.Set("done", make(chan bool))
	err := s.Save()
	fmt.Println(errors.Is(err, ginsession.ErrEncode))
	fmt.Println(err)
	// Output:
	// true
	// ginsession: a value cannot be stored: key "done": json: unsupported type: chan bool
}

func ExampleSession_Load() {
	s := exampleManager().Open(context.Background(), "abcdefghijklmnopqrstuvwxyz012345")
	if err := s.Load(); err != nil {
		log.Fatal(err) // the store cannot be read: this is not an empty session
	}
	fmt.Println(s.IsEmpty())
	// Output: true
}

func ExampleSession_SetExpiry() {
	s := exampleSession()
	fmt.Println(s.ExpiryAge(), s.ExpiresAtBrowserClose())
	s.SetExpiry(ginsession.ExpireAfter(time.Hour)) // "keep me signed in" was not ticked
	fmt.Println(s.ExpiryAge(), s.ExpiresAtBrowserClose())
	s.SetExpiry(ginsession.ExpireAtBrowserClose)
	fmt.Println(s.ExpiryAge(), s.ExpiresAtBrowserClose())
	s.SetExpiry(ginsession.ExpireDefault)
	fmt.Println(s.ExpiryAge(), s.ExpiresAtBrowserClose())
	// Output:
	// 336h0m0s false
	// 1h0m0s false
	// 336h0m0s true
	// 336h0m0s false
}

func ExampleSession_ExpiryDate() {
	modified := time.Date(2026, time.November, 23, 4, 45, 0, 0, time.UTC)
	s := exampleSession()
	fmt.Println(s.ExpiryDate(
		ginsession.ModifiedAt(modified),
		ginsession.WithExpiry(ginsession.ExpireAfter(time.Hour)),
	))
	// Output: 2026-11-23 05:45:00 +0000 UTC
}

func ExampleSession_MarkModified() {
	s := exampleSession()
	s.MarkModified() // saved, and so extended, though nothing was changed
	fmt.Println(s.Modified())
	// Output: true
}

// Does the browser take cookies? Set one with the form, look for it when the form comes back.
func ExampleSession_SetTestCookie() {
	r := exampleSite()
	r.Use(exampleManager().Handler())
	r.GET("/login", func(c *gin.Context) {
		ginsession.Get(c).SetTestCookie()
		c.String(http.StatusOK, "the form")
	})
	r.POST("/login", func(c *gin.Context) {
		s := ginsession.Get(c)
		if !s.TestCookieWorked() {
			c.String(http.StatusBadRequest, "please allow cookies")
			return
		}
		_ = s.DeleteTestCookie() // it is there
		c.String(http.StatusOK, "welcome")
	})

	browser := exampleBrowser{}
	browser.asks(r, "GET", "/login")
	browser.asks(r, "POST", "/login")
	exampleBrowser{}.asks(r, "POST", "/login")
	// Output:
	// GET /login 200 the form
	// POST /login 200 welcome
	// POST /login 400 please allow cookies
}
