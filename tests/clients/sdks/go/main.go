// Drives a Lambent through the AWS SDK for Go and prints what it saw: a JSON document per line.
//
// The argument names what to do; endpoint, region and credentials come from the environment, where every SDK looks.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

type seen = map[string]any

var (
	ctx       = context.Background()
	settings  aws.Config
	client    *lambda.Client
	scenarios = map[string]func() seen{
		"life":     life,
		"invoke":   invoke,
		"stream":   stream,
		"errors":   refusals,
		"chain":    chain,
		"pages":    pages,
		"settings": configurations,
		"aliases":  aliases,
		"url":      url,
		"mapping":  mapping,
	}
)

func main() {
	settings = must(config.LoadDefaultConfig(ctx, config.WithRetryMaxAttempts(1)))
	client = lambda.NewFromConfig(settings)
	tell(scenarios[os.Args[1]]())
}

func tell(what seen) {
	fmt.Println(string(must(json.Marshal(what))))
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// refusal is the error of a call: nil if it had none.
func refusal(_ any, err error) seen {
	if err == nil {
		return nil
	}
	var known smithy.APIError
	var response *smithyhttp.ResponseError
	if !errors.As(err, &known) || !errors.As(err, &response) {
		panic(err)
	}
	told := seen{
		"type":    nil,
		"code":    known.ErrorCode(),
		"message": known.ErrorMessage(),
		"status":  response.HTTPStatusCode(),
	}
	var generic *smithy.GenericAPIError
	if !errors.As(err, &generic) {
		told["type"] = reflect.TypeOf(known).Elem().Name()
	}
	var throttled *types.TooManyRequestsException
	if errors.As(err, &throttled) {
		told["reason"] = throttled.Reason
		told["retryAfterSeconds"] = throttled.RetryAfterSeconds
	}
	return told
}

func document(text []byte) any {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		panic(fmt.Sprintf("%v: %q", err, text))
	}
	return value
}

func fetch(address string) []byte {
	return read(must(http.Get(address)))
}
