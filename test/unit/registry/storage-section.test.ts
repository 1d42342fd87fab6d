import assert from "node:assert/strict";

import { isBerthError } from "../../../oci/errors.js";
import { loadConfig } from "../../../registry/config/load-config.js";
import { storeSettingsOf } from "../../../registry/config/storage-section.js";
import { placeOfStore } from "../../../storage/open-store.js";

const S3 = "BERTH_REGISTRY_STORAGE_S3_";

describe("storage settings", () => {
  const load = (variables: Record<string, string>) => loadConfig({ env: variables, flags: {} }).storage;

  const refused = (variables: Record<string, string>, words: RegExp): void => {
    assert.throws(
      () => load(variables),
      (error) => {
        assert.ok(isBerthError(error, "CONFIG_INVALID"));
        assert.match(error.message, words);
        assert.ok(!error.message.includes("very-secret"));
        return true;
      },
    );
  };

  it("are a directory unless a bucket is named", () => {
    assert.deepEqual(storeSettingsOf(load({}), "/srv/registry"), { filesystem: { root: "/srv/registry" } });
    const elsewhere = load({ BERTH_REGISTRY_STORAGE_FILESYSTEM_ROOT: "/elsewhere" });
    assert.equal(placeOfStore(storeSettingsOf(elsewhere, "/srv/registry")), "/elsewhere");
  });

  it("take everything about a bucket from the environment, and complete a prefix", () => {
    const storage = load({
      [`${S3}BUCKET`]: "images",
      [`${S3}PREFIX`]: "team/a",
      [`${S3}ENDPOINT`]: "https://s3.example:8443",
      [`${S3}ACCESS_KEY_ID`]: "id",
      [`${S3}SECRET_ACCESS_KEY`]: "very-secret",
      [`${S3}IDLE_TIMEOUT_SECONDS`]: "5",
      BERTH_REGISTRY_STORAGE_REDIRECT: "false",
    });
    assert.equal(storage.redirect, false);
    const settings = storeSettingsOf(storage, "/srv/registry");
    assert.deepEqual(settings, {
      s3: {
        bucket: "images",
        prefix: "team/a/",
        endpoint: "https://s3.example:8443",
        accessKeyId: "id",
        secretAccessKey: "very-secret",
        idleTimeoutMs: 5000,
      },
    });
    assert.equal(placeOfStore(settings), "s3://images/team/a/");
  });

  it("are refused where they cannot be meant, without a word of the secret", () => {
    const bucket = { [`${S3}BUCKET`]: "images" };
    refused({ ...bucket, BERTH_REGISTRY_STORAGE_FILESYSTEM_ROOT: "/x" }, /a directory or a bucket, not both/);
    refused({ ...bucket, [`${S3}SECRET_ACCESS_KEY`]: "very-secret" }, /come together/);
    refused({ ...bucket, [`${S3}PREFIX`]: "/a" }, /is not a prefix of keys/);
    refused({ ...bucket, [`${S3}PREFIX`]: "a/../b" }, /is not a prefix of keys/);
    refused({ ...bucket, [`${S3}PART_SIZE`]: "1000" }, /is below 5242880/);
    refused({ ...bucket, [`${S3}KMS_KEY_ID`]: "k" }, /aws:kms/);
    refused({ [`${S3}REGION`]: "eu-central-1" }, /storage\.s3/);
  });
});
