package gincontrib_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"github.com/markbates/goth/gothic"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/compat/gincontrib"
)

func ExampleSessions() {
	m, err := ginsession.NewManager(ginsession.Config{
		Engine:     ginsession.Cached(memory.New()),
		Serializer: ginsession.Gob,
	})
	if err != nil {
		log.Fatal(err)
	}
	r := gin.New()
	r.Use(gincontrib.Sessions(m)) // was: r.Use(sessions.Sessions("mysession", store))
	r.GET("/", func(c *gin.Context) {
		session := sessions.Default(c)
		visits, _ := session.Get("visits").(int)
		session.Set("visits", visits+1)
		if err := session.Save(); err != nil {
			return // the middleware answers
		}
		c.String(http.StatusOK, "visit %d", visits+1)
	})

	request := httptest.NewRequest(http.MethodGet, "/", nil)
	for range 2 {
		response := httptest.NewRecorder()
		r.ServeHTTP(response, request)
		fmt.Println(response.Body)
		request.AddCookie(response.Result().Cookies()[0])
	}
	// Output:
	// visit 1
	// visit 2
}

func ExampleSessionsMany() {
	engine := ginsession.Cached(memory.New())
	managers := map[string]*ginsession.Manager{}
	for _, name := range []string{"shop", "admin"} {
		m, err := ginsession.NewManager(ginsession.Config{
			Engine:     engine,
			Serializer: ginsession.Gob,
			CookieName: name,
		})
		if err != nil {
			log.Fatal(err)
		}
		managers[name] = m
	}
	r := gin.New()
	r.Use(gincontrib.SessionsMany(managers)) // was: r.Use(sessions.SessionsMany([]string{"shop", "admin"}, store))
	r.GET("/", func(c *gin.Context) {
		sessions.DefaultMany(c, "shop").Set("cart", []string{"book"})
		c.String(http.StatusOK, "%v %v", sessions.DefaultMany(c, "shop").Get("cart"), sessions.DefaultMany(c, "admin").Get("cart"))
	})

	response := httptest.NewRecorder()
	r.ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println(response.Body)
	fmt.Println(response.Result().Cookies()[0].Name)
	// Output:
	// [book] <nil>
	// shop
}

// The pages of gothic use a manager of their own, and the rest of the program another.
func ExampleNewStore() {
	engine := ginsession.Cached(memory.New())
	m, err := ginsession.NewManager(ginsession.Config{
		Engine:     engine,
		Serializer: ginsession.Gob,
		CookieName: gothic.SessionName,
	})
	if err != nil {
		log.Fatal(err)
	}
	gothic.Store = gincontrib.NewStore(m)
	r := gin.New()
	r.Use(ginsession.New(ginsession.Config{Engine: engine}))
	r.GET("/auth/:provider", func(c *gin.Context) {
		gothic.BeginAuthHandler(c.Writer, gothic.GetContextWithProvider(c.Request, c.Param("provider")))
	})
	r.GET("/auth/:provider/callback", func(c *gin.Context) {
		user, err := gothic.CompleteUserAuth(c.Writer, gothic.GetContextWithProvider(c.Request, c.Param("provider")))
		if err != nil {
			c.String(http.StatusForbidden, "The sign-in failed.")
			return
		}
		if err := ginsession.Get(c).SignIn(user.Provider + ":" + user.UserID); err != nil {
			return // the middleware answers
		}
		c.Redirect(http.StatusSeeOther, "/")
	})
}
