package main

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/alexedwards/scs/v2"
	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// A session is what a worker's pages do with the visitor's, whichever library keeps it.
type session interface {
	id() string            // of the visitor, "" if there is no session
	begin(id string)       // a new session, with n = 0 and a token
	add() error            // n + 1
	n() int                // its count
	set(key string)        // a value of its own
	nest(key string)       // a value inside a map
	has(key string) bool   // what set has set
	nests(key string) bool // what nest has set
	claim() (bool, error)  // takes the token, if it is there
	signIn() error         // a new key, if the library can
	signOut() error        // the session ends
}

const (
	idKey    = "id"
	countKey = "n"
	tokenKey = "token"
)

// serve answers one request: with the session's visitor, and what the page has to say.
func serve(s session, r *http.Request) (status int, body string) {
	key := r.URL.Query().Get("key")
	var err error
	switch r.URL.Path {
	case "/begin":
		s.begin(key)
	case "/add":
		err = s.add()
	case "/set":
		s.set(key)
	case "/nest":
		s.nest(key)
	case "/claim":
		var got bool
		if got, err = s.claim(); got {
			body = "got"
		}
	case "/sign-in":
		err = s.signIn()
	case "/sign-out":
		err = s.signOut()
	case "/read":
		body = read(s, strings.Split(key, ","))
	}
	if errors.Is(err, ginsession.ErrInterrupted) {
		return http.StatusConflict, ""
	}
	if err != nil {
		return http.StatusServiceUnavailable, ""
	}
	return http.StatusOK, s.id() + " " + body
}

// keyOf returns the key of a value that a hand of a visitor's sets.
func keyOf(hand, step int) string { return fmt.Sprintf("k%d_%d", hand, step) }

// mapOf returns the key of the map that a nested key is in. Each hand has its own, because in other
// libraries the last of two requests that change one value wins.
func mapOf(key string) string {
	hand, _, _ := strings.Cut(key, "_")
	return "map" + hand
}

// read returns "n key,key nested,nested": of the keys those that are there.
func read(s session, keys []string) string {
	var set, nested []string
	for _, key := range keys {
		if s.has(key) {
			set = append(set, key)
		}
		if s.nests(key) {
			nested = append(nested, key)
		}
	}
	return fmt.Sprintf("%d %s %s", s.n(), strings.Join(set, ","), strings.Join(nested, ","))
}

type ours struct{ *ginsession.Session }

func oursHandler(m *ginsession.Manager) http.Handler {
	r := gin.New()
	r.Use(m.Handler())
	r.NoRoute(func(c *gin.Context) {
		status, body := serve(ours{ginsession.Get(c)}, c.Request)
		c.String(status, "%s", body)
	})
	return r
}

func (s ours) id() string { return ginsession.ValueOr(s.Session, idKey, "") }
func (s ours) begin(id string) {
	s.Update(map[string]any{idKey: id, countKey: 0, tokenKey: "t"})
	for hand := range hands {
		s.Set(mapOf(keyOf(hand, 0)), map[string]any{})
	}
}
func (s ours) n() int              { return ginsession.ValueOr(s.Session, countKey, 0) }
func (s ours) set(key string)      { s.Set(key, key) }
func (s ours) has(key string) bool { return s.Get(key) == key }
func (s ours) signIn() error       { return s.SignIn("someone") }
func (s ours) signOut() error      { return s.Flush() }

func (s ours) add() error {
	if s.id() == "" {
		return s.Err()
	}
	_, err := ginsession.Modify(s.Session, countKey, func(n int, _ bool) int { return n + 1 })
	return err
}

func (s ours) nest(key string) {
	if m, ok := s.Get(mapOf(key)).(map[string]any); ok {
		m[key] = key // saved, although no method of the session is called
	}
}

func (s ours) nests(key string) bool {
	m, _ := s.Get(mapOf(key)).(map[string]any)
	return m[key] == key
}

func (s ours) claim() (bool, error) {
	_, ok, err := ginsession.Claim[string](s.Session, tokenKey)
	return ok, err
}

type contrib struct{ sessions.Session }

func contribHandler(store sessions.Store) http.Handler {
	store.Options(sessions.Options{Path: "/", MaxAge: 3600})
	r := gin.New()
	r.Use(sessions.Sessions(cookieName, store))
	r.NoRoute(func(c *gin.Context) {
		s := contrib{sessions.Default(c)}
		status, body := serve(s, c.Request)
		if err := s.Save(); err != nil {
			status, body = http.StatusServiceUnavailable, ""
		}
		c.String(status, "%s", body)
	})
	return r
}

func (s contrib) text(key string) string { v, _ := s.Get(key).(string); return v }
func (s contrib) id() string             { return s.text(idKey) }
func (s contrib) n() int                 { n, _ := s.Get(countKey).(int); return n }
func (s contrib) set(key string)         { s.Set(key, key) }
func (s contrib) has(key string) bool    { return s.text(key) == key }
func (s contrib) nest(key string)        { s.Set(mapOf(key), s.text(mapOf(key))+key+",") }
func (s contrib) nests(key string) bool  { return strings.Contains(","+s.text(mapOf(key)), ","+key+",") }
func (s contrib) signIn() error          { s.Set("user", "someone"); return nil }

func (s contrib) begin(id string) {
	s.Set(idKey, id)
	s.Set(countKey, 0)
	s.Set(tokenKey, "t")
}

func (s contrib) add() error {
	if s.id() != "" {
		s.Set(countKey, s.n()+1)
	}
	return nil
}

func (s contrib) claim() (bool, error) {
	ok := s.text(tokenKey) != ""
	s.Delete(tokenKey)
	return ok, nil
}

func (s contrib) signOut() error {
	s.Clear()
	s.Options(sessions.Options{Path: "/", MaxAge: -1})
	return nil
}

type scsSession struct {
	m *scs.SessionManager
	r *http.Request
}

func scsHandler(m *scs.SessionManager) http.Handler {
	m.Cookie.Name = cookieName
	m.ErrorFunc = func(w http.ResponseWriter, _ *http.Request, _ error) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	return m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, body := serve(scsSession{m, r}, r)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
}

func (s scsSession) text(key string) string { return s.m.GetString(s.r.Context(), key) }
func (s scsSession) put(key, value string)  { s.m.Put(s.r.Context(), key, value) }
func (s scsSession) id() string             { return s.text(idKey) }
func (s scsSession) set(key string)         { s.put(key, key) }
func (s scsSession) has(key string) bool    { return s.text(key) == key }
func (s scsSession) nest(key string)        { s.put(mapOf(key), s.text(mapOf(key))+key+",") }
func (s scsSession) nests(key string) bool {
	return strings.Contains(","+s.text(mapOf(key)), ","+key+",")
}
func (s scsSession) signIn() error  { return s.m.RenewToken(s.r.Context()) }
func (s scsSession) signOut() error { return s.m.Destroy(s.r.Context()) }

func (s scsSession) n() int {
	n, _ := strconv.Atoi(s.text(countKey))
	return n
}

func (s scsSession) begin(id string) {
	s.put(idKey, id)
	s.put(tokenKey, "t")
}

func (s scsSession) add() error {
	if s.id() != "" {
		s.put(countKey, strconv.Itoa(s.n()+1))
	}
	return nil
}

func (s scsSession) claim() (bool, error) {
	return s.m.PopString(s.r.Context(), tokenKey) != "", nil
}
