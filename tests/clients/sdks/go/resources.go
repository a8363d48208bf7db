package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func isRecent(moment *time.Time) bool {
	return math.Abs(time.Since(*moment).Hours()) < 1
}

func configurations() seen {
	destination := &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String(os.Getenv("OTHER"))}}
	put := must(client.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: name, MaximumRetryAttempts: aws.Int32(1), DestinationConfig: destination,
	}))
	must(client.UpdateFunctionEventInvokeConfig(ctx, &lambda.UpdateFunctionEventInvokeConfigInput{
		FunctionName: name, MaximumEventAgeInSeconds: aws.Int32(60),
	}))
	got := must(client.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: name}))
	listed := must(client.ListFunctionEventInvokeConfigs(ctx, &lambda.ListFunctionEventInvokeConfigsInput{FunctionName: name}))
	must(client.DeleteFunctionEventInvokeConfig(ctx, &lambda.DeleteFunctionEventInvokeConfigInput{FunctionName: name}))
	gone := refusal(client.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: name}))

	must(client.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{
		FunctionName: name, ReservedConcurrentExecutions: aws.Int32(3),
	}))
	function := must(client.GetFunction(ctx, get()))
	must(client.TagResource(ctx, &lambda.TagResourceInput{
		Resource: function.Configuration.FunctionArn, Tags: map[string]string{"équipe": "thé"},
	}))
	tags := must(client.ListTags(ctx, &lambda.ListTagsInput{Resource: function.Configuration.FunctionArn}))
	must(client.UntagResource(ctx, &lambda.UntagResourceInput{
		Resource: function.Configuration.FunctionArn, TagKeys: []string{"équipe"},
	}))
	untagged := must(client.ListTags(ctx, &lambda.ListTagsInput{Resource: function.Configuration.FunctionArn}))
	permission := must(client.AddPermission(ctx, &lambda.AddPermissionInput{
		FunctionName: name, StatementId: aws.String("events"), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("events.amazonaws.com"),
	}))
	policy := must(client.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: name}))
	account := must(client.GetAccountSettings(ctx, nil))

	origins := &types.Cors{AllowOrigins: []string{"https://shop.example"}, MaxAge: aws.Int32(300)}
	address := must(client.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{
		FunctionName: name, AuthType: types.FunctionUrlAuthTypeAwsIam, InvokeMode: types.InvokeModeResponseStream, Cors: origins,
	}))
	must(client.UpdateFunctionUrlConfig(ctx, &lambda.UpdateFunctionUrlConfigInput{
		FunctionName: name, AuthType: types.FunctionUrlAuthTypeNone,
	}))
	url := must(client.GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: name}))
	must(client.DeleteFunctionUrlConfig(ctx, &lambda.DeleteFunctionUrlConfigInput{FunctionName: name}))
	return seen{
		"put":      seen{"retries": put.MaximumRetryAttempts, "age": put.MaximumEventAgeInSeconds, "recent": isRecent(put.LastModified)},
		"got":      seen{"retries": got.MaximumRetryAttempts, "age": got.MaximumEventAgeInSeconds, "failure": got.DestinationConfig.OnFailure.Destination},
		"listed":   len(listed.FunctionEventInvokeConfigs),
		"gone":     gone,
		"reserved": function.Concurrency.ReservedConcurrentExecutions,
		"tags":     []any{tags.Tags, len(untagged.Tags)},
		"statement": []any{
			document([]byte(*permission.Statement)).(seen)["Sid"],
			len(document([]byte(*policy.Policy)).(seen)["Statement"].([]any)),
		},
		"account": seen{
			"concurrency": account.AccountLimit.ConcurrentExecutions, "unreserved": account.AccountLimit.UnreservedConcurrentExecutions,
			"storage": account.AccountLimit.TotalCodeSize,
		},
		"url": seen{
			"sameAddress": *address.FunctionUrl == *url.FunctionUrl, "before": address.AuthType, "after": url.AuthType,
			"mode": url.InvokeMode, "origins": url.Cors.AllowOrigins, "maxAge": url.Cors.MaxAge,
		},
	}
}

func aliases() seen {
	created := must(client.CreateAlias(ctx, &lambda.CreateAliasInput{
		FunctionName: name, Name: aws.String("live"), FunctionVersion: aws.String("1"), Description: aws.String("en ligne"),
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"2": 0.5}},
	}))
	versions := []string{}
	for range 60 {
		answer := call("{}", func(r *lambda.InvokeInput) { r.Qualifier = aws.String("live") })
		if !slices.Contains(versions, *answer.ExecutedVersion) {
			versions = append(versions, *answer.ExecutedVersion)
		}
	}
	slices.Sort(versions)
	stale := refusal(client.UpdateAlias(ctx, &lambda.UpdateAliasInput{
		FunctionName: name, Name: aws.String("live"), RevisionId: aws.String("00000000-0000-4000-8000-000000000000"),
	}))
	must(client.UpdateAlias(ctx, &lambda.UpdateAliasInput{
		FunctionName: name, Name: aws.String("live"), FunctionVersion: aws.String("2"), RevisionId: created.RevisionId,
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{}},
	}))
	moved := must(client.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: name, Name: aws.String("live")}))
	after := call("{}", func(r *lambda.InvokeInput) { r.Qualifier = aws.String("live") })
	must(client.DeleteAlias(ctx, &lambda.DeleteAliasInput{FunctionName: name, Name: aws.String("live")}))
	return seen{
		"weights":     created.RoutingConfig.AdditionalVersionWeights,
		"description": created.Description,
		"versions":    versions,
		"stale":       stale,
		"moved":       seen{"version": moved.FunctionVersion, "hasRouting": moved.RoutingConfig != nil, "executed": after.ExecutedVersion},
		"gone":        refusal(client.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: name, Name: aws.String("live")})),
	}
}

// signed sends a request to the function's URL, with the host's name or below a path, signed with the given secret.
func signed(address, host, secret string) seen {
	body := []byte(`{"tea": "thé"}`)
	request := must(http.NewRequest(http.MethodPost, address+"teas/gr%C3%BCn%20a?size=2&kind=%2B%20x", bytes.NewReader(body)))
	request.Host = host
	request.Header.Set("Content-Type", "application/json")
	if secret != "" {
		sum := sha256.Sum256(body)
		keys := must(settings.Credentials.Retrieve(ctx))
		keys.SecretAccessKey = secret
		err := v4.NewSigner().SignHTTP(ctx, keys, request, hex.EncodeToString(sum[:]), "lambda", settings.Region, time.Now())
		if err != nil {
			panic(err)
		}
	}
	answer := must(http.DefaultClient.Do(request))
	return seen{"status": answer.StatusCode, "body": document(read(answer))}
}

func url() seen {
	keys := must(settings.Credentials.Retrieve(ctx))
	server, twin, host := os.Getenv("SERVER"), os.Getenv("TWIN"), os.Getenv("URL_HOST")
	return seen{
		"byHost":   signed(server, host, keys.SecretAccessKey),
		"byPath":   signed(twin, "", keys.SecretAccessKey),
		"forged":   signed(server, host, "another"),
		"unsigned": signed(server, host, ""),
	}
}

func mapping() seen {
	created := must(client.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{
		FunctionName: name, EventSourceArn: aws.String(os.Getenv("SOURCE")), BatchSize: aws.Int32(5),
		MaximumBatchingWindowInSeconds: aws.Int32(1),
		FunctionResponseTypes:          []types.FunctionResponseType{types.FunctionResponseTypeReportBatchItemFailures},
		ScalingConfig:                  &types.ScalingConfig{MaximumConcurrency: aws.Int32(2)},
		FilterCriteria:                 &types.FilterCriteria{Filters: []types.Filter{{Pattern: aws.String(`{"body": {"tea": ["green"]}}`)}}},
	}))
	settled := func(state string) *lambda.GetEventSourceMappingOutput {
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			found := must(client.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: created.UUID}))
			if *found.State == state {
				return found
			}
		}
		panic("the mapping is not " + state)
	}
	enabled := settled("Enabled")
	found := []bool{}
	for p := lambda.NewListEventSourceMappingsPaginator(client, &lambda.ListEventSourceMappingsInput{
		FunctionName: name, MaxItems: aws.Int32(1),
	}); p.HasMorePages(); {
		for _, one := range must(p.NextPage(ctx)).EventSourceMappings {
			found = append(found, *one.UUID == *created.UUID)
		}
	}
	updated := must(client.UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{
		UUID: created.UUID, BatchSize: aws.Int32(7), Enabled: aws.Bool(false),
	}))
	disabled := settled("Disabled")
	deleted := must(client.DeleteEventSourceMapping(ctx, &lambda.DeleteEventSourceMappingInput{UUID: created.UUID}))
	var gone seen
	for deadline := time.Now().Add(patience); gone == nil && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		gone = refusal(client.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: created.UUID}))
	}
	if gone == nil {
		panic(errors.New("the mapping is still there"))
	}
	return seen{
		"created": seen{
			"state": created.State, "batchSize": created.BatchSize, "window": created.MaximumBatchingWindowInSeconds,
			"responses": created.FunctionResponseTypes, "concurrency": created.ScalingConfig.MaximumConcurrency,
			"pattern": created.FilterCriteria.Filters[0].Pattern, "recent": isRecent(created.LastModified),
			"source": created.EventSourceArn, "function": created.FunctionArn,
		},
		"enabled":  enabled.BatchSize,
		"listed":   found,
		"updated":  updated.BatchSize,
		"disabled": disabled.BatchSize,
		"deleted":  deleted.State,
		"gone":     gone["code"],
	}
}
