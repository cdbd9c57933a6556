package django_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/django"
)

// A user is a row of auth_user.
type user struct {
	Username string
	Password string
	IsActive bool
}

func findUser(id string) (user, bool) {
	return user{Username: "ada", Password: password, IsActive: true}, id == "42"
}

// currentUser is Django's request.user.
func currentUser(s *ginsession.Session) (user, bool) {
	id, ok := django.UserID(s)
	if !ok {
		return user{}, false
	}
	u, ok := findUser(id)
	return u, ok && u.IsActive && django.VerifyAuthHash(s, u.Password, secretKey)
}

// A page that greets whoever has signed in, here or at the Django site.
func Example() {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.Use(ginsession.New(ginsession.Config{
		Engine:       ginsession.Cached(memory.New()), // a shared one is ginsession.ForDjango's
		CookieSecure: true,
	}))
	r.GET("/", func(c *gin.Context) {
		u, ok := currentUser(ginsession.Get(c))
		if !ok {
			c.Redirect(http.StatusFound, "/accounts/login/")
			return
		}
		c.String(http.StatusOK, "Welcome back, %s.", u.Username)
	})
	r.POST("/passkey", func(c *gin.Context) { // once the passkey has proved to be user 42's
		s := ginsession.Get(c)
		u, _ := findUser("42")
		if err := django.Login(s, django.User{ID: "42", EncodedPassword: u.Password}, secretKey); err != nil {
			c.Status(http.StatusServiceUnavailable)
			return
		}
		c.Redirect(http.StatusSeeOther, "/")
	})
	r.POST("/logout", func(c *gin.Context) {
		if err := django.Logout(ginsession.Get(c)); err != nil {
			c.Status(http.StatusServiceUnavailable)
			return
		}
		c.Redirect(http.StatusSeeOther, "/")
	})

	cookie := ""
	visit := func(method, path string) {
		request := httptest.NewRequest(method, path, nil)
		request.Header.Set("Cookie", cookie)
		response := httptest.NewRecorder()
		r.ServeHTTP(response, request)
		for _, c := range response.Result().Cookies() {
			cookie = c.Name + "=" + c.Value
		}
		answer := response.Body.String()
		if location := response.Header().Get("Location"); location != "" {
			answer = "to " + location
		}
		fmt.Println(method, path, response.Code, answer)
	}
	visit("GET", "/")
	visit("POST", "/passkey")
	visit("GET", "/")
	visit("POST", "/logout")
	visit("GET", "/")
	// Output:
	// GET / 302 to /accounts/login/
	// POST /passkey 303 to /
	// GET / 200 Welcome back, ada.
	// POST /logout 303 to /
	// GET / 302 to /accounts/login/
}
