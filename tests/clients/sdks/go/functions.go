package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const patience = 2 * time.Minute

var name = aws.String("fn")

func read(answer *http.Response) []byte {
	defer answer.Body.Close()
	return must(io.ReadAll(answer.Body))
}

func get() *lambda.GetFunctionInput {
	return &lambda.GetFunctionInput{FunctionName: name}
}

func waitUntilUpdated() {
	waiter := lambda.NewFunctionUpdatedV2Waiter(client, func(o *lambda.FunctionUpdatedV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 100*time.Millisecond
	})
	if err := waiter.Wait(ctx, get(), patience); err != nil {
		panic(err)
	}
}

func life() seen {
	code := must(os.ReadFile(os.Getenv("PACKAGE")))
	sum := sha256.Sum256(code)
	request := &lambda.CreateFunctionInput{
		FunctionName: name,
		Runtime:      types.RuntimePython313,
		Handler:      aws.String("app.handler"),
		Role:         aws.String("arn:aws:iam::000000000000:role/any"),
		Code:         &types.FunctionCode{ZipFile: code},
		Environment:  &types.Environment{Variables: map[string]string{"GREETING": "Grüezi"}},
		Timeout:      aws.Int32(5),
	}
	created := must(client.CreateFunction(ctx, request))
	active := lambda.NewFunctionActiveV2Waiter(client, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 100*time.Millisecond
	})
	found := must(active.WaitForOutput(ctx, get(), patience))
	function := found.Configuration
	described := seen{
		"state":        function.State,
		"update":       function.LastUpdateStatus,
		"runtime":      function.Runtime,
		"handler":      function.Handler,
		"memorySize":   function.MemorySize,
		"timeout":      function.Timeout,
		"storage":      function.EphemeralStorage.Size,
		"architecture": function.Architectures,
		"packageType":  function.PackageType,
		"codeSize":     function.CodeSize,
		"variables":    function.Environment.Variables,
		"tracing":      function.TracingConfig.Mode,
		"logFormat":    function.LoggingConfig.LogFormat,
		"logGroup":     function.LoggingConfig.LogGroup,
		"snapStart":    function.SnapStart.ApplyOn,
		"version":      function.Version,
	}
	again := refusal(client.CreateFunction(ctx, request))
	configured := must(client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: name,
		Timeout:      aws.Int32(7),
		RevisionId:   function.RevisionId,
	}))
	waitUntilUpdated()
	must(client.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: name, ZipFile: code}))
	waitUntilUpdated()
	published := must(client.PublishVersion(ctx, &lambda.PublishVersionInput{
		FunctionName: name,
		Description:  aws.String("première"),
	}))
	version := lambda.NewPublishedVersionActiveWaiter(client, func(o *lambda.PublishedVersionActiveWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 100*time.Millisecond
	})
	first := must(version.WaitForOutput(ctx, &lambda.GetFunctionConfigurationInput{
		FunctionName: name, Qualifier: aws.String("1"),
	}, patience))
	must(client.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: name}))
	return seen{
		"created":    seen{"state": created.State, "reason": created.StateReasonCode, "arn": created.FunctionArn},
		"function":   described,
		"sameSum":    *function.CodeSha256 == base64.StdEncoding.EncodeToString(sum[:]),
		"sameCode":   bytes.Equal(fetch(*found.Code.Location), code),
		"again":      again,
		"configured": seen{"timeout": configured.Timeout, "update": configured.LastUpdateStatus},
		"published":  seen{"version": published.Version, "description": published.Description, "state": first.State},
		"missing":    refusal(client.GetFunction(ctx, get())),
	}
}

func call(payload string, change func(*lambda.InvokeInput)) *lambda.InvokeOutput {
	request := &lambda.InvokeInput{FunctionName: name, Payload: []byte(payload)}
	change(request)
	return must(client.Invoke(ctx, request))
}

func invoke() seen {
	answer := call(`{"name": "Zoë"}`, func(r *lambda.InvokeInput) { r.LogType = types.LogTypeTail })
	failed := call(`{}`, func(r *lambda.InvokeInput) {})
	event := call(`{"name": "x"}`, func(r *lambda.InvokeInput) { r.InvocationType = types.InvocationTypeEvent })
	dry := call(``, func(r *lambda.InvokeInput) { r.InvocationType = types.InvocationTypeDryRun })
	known := call(`{"name": "x"}`, func(r *lambda.InvokeInput) {
		r.ClientContext = aws.String(base64.StdEncoding.EncodeToString([]byte(`{"custom": {"shop": "thé"}}`)))
		r.Qualifier = aws.String("1")
	})
	byArn := call(`{"name": "x"}`, func(r *lambda.InvokeInput) { r.FunctionName = aws.String(os.Getenv("ARN") + ":1") })
	long := strings.Repeat("é", 2_500_000)
	large := call(`{"name": "`+long+`"}`, func(r *lambda.InvokeInput) {})
	return seen{
		"answer":          document(answer.Payload),
		"status":          answer.StatusCode,
		"executedVersion": answer.ExecutedVersion,
		"noError":         answer.FunctionError,
		"log":             string(must(base64.StdEncoding.DecodeString(*answer.LogResult))),
		"functionError":   failed.FunctionError,
		"error":           document(failed.Payload),
		"event":           seen{"status": event.StatusCode, "bytes": len(event.Payload)},
		"dryRun":          seen{"status": dry.StatusCode, "bytes": len(dry.Payload)},
		"context":         document(known.Payload),
		"qualified":       known.ExecutedVersion,
		"byArn":           byArn.ExecutedVersion,
		"large":           document(large.Payload).(seen)["hello"] == long,
	}
}

func refusals() seen {
	by := func(request *lambda.InvokeInput) seen {
		return refusal(client.Invoke(ctx, request))
	}
	throttled := &lambda.InvokeInput{FunctionName: aws.String("throttled")}
	return seen{
		"missing":   by(&lambda.InvokeInput{FunctionName: aws.String("nobody")}),
		"notJson":   by(&lambda.InvokeInput{FunctionName: name, Payload: []byte("{")}),
		"tooLarge":  by(&lambda.InvokeInput{FunctionName: name, Payload: []byte(`"` + strings.Repeat("x", 6_300_000) + `"`)}),
		"throttled": by(throttled),
		"invalid":   by(&lambda.InvokeInput{FunctionName: aws.String("not a name")}),
		"stream": refusal(client.InvokeWithResponseStream(ctx, &lambda.InvokeWithResponseStreamInput{
			FunctionName: aws.String("throttled"),
		})),
		"changed": refusal(client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
			FunctionName: name, RevisionId: aws.String("00000000-0000-4000-8000-000000000000"), Timeout: aws.Int32(9),
		})),
		"parameter": refusal(client.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{
			LayerName: aws.String("layer"), Content: &types.LayerVersionContentInput{ZipFile: []byte("no zip file")},
		})),
		"provisioned": refusal(client.GetProvisionedConcurrencyConfig(ctx, &lambda.GetProvisionedConcurrencyConfigInput{
			FunctionName: name, Qualifier: aws.String("1"),
		})),
		"unsigned": refusal(lambda.New(lambda.Options{
			Region: settings.Region, BaseEndpoint: settings.BaseEndpoint, Credentials: aws.AnonymousCredentials{},
		}).ListFunctions(ctx, nil)),
	}
}

// chain is played as if in a function, with what the SDK reads there.
func chain() seen {
	return seen{
		"invoke": refusal(client.Invoke(ctx, &lambda.InvokeInput{FunctionName: name})),
		"stream": refusal(client.InvokeWithResponseStream(ctx, &lambda.InvokeWithResponseStreamInput{FunctionName: name})),
	}
}

func pages() seen {
	functions, versions, aliased := [][]string{}, [][]string{}, [][]string{}
	for p := lambda.NewListFunctionsPaginator(client, &lambda.ListFunctionsInput{MaxItems: aws.Int32(2)}); p.HasMorePages(); {
		page := []string{}
		for _, function := range must(p.NextPage(ctx)).Functions {
			page = append(page, *function.FunctionName)
		}
		functions = append(functions, page)
	}
	for p := lambda.NewListVersionsByFunctionPaginator(client, &lambda.ListVersionsByFunctionInput{
		FunctionName: name, MaxItems: aws.Int32(2),
	}); p.HasMorePages(); {
		page := []string{}
		for _, version := range must(p.NextPage(ctx)).Versions {
			page = append(page, *version.Version)
		}
		versions = append(versions, page)
	}
	for p := lambda.NewListAliasesPaginator(client, &lambda.ListAliasesInput{
		FunctionName: name, MaxItems: aws.Int32(1),
	}); p.HasMorePages(); {
		page := []string{}
		for _, alias := range must(p.NextPage(ctx)).Aliases {
			page = append(page, *alias.Name)
		}
		aliased = append(aliased, page)
	}
	return seen{"functions": merged(functions), "versions": merged(versions), "aliases": merged(aliased), "most": most(functions)}
}

func merged(pages [][]string) []string {
	all := slices.Concat(pages...)
	slices.Sort(all)
	return all
}

func most(pages [][]string) int {
	return len(slices.MaxFunc(pages, func(a, b []string) int { return len(a) - len(b) }))
}
