/** The S3 API's name of what a request asks for, of those that berth uses. */
export function s3OperationOf(method: string, url: string): string {
  const { pathname, searchParams: query } = new URL(url, "http://s3");
  const ofBucket = /^\/[^/]*\/?$/.test(pathname);
  switch (method) {
    case "PUT":
      if (ofBucket) return "CreateBucket";
      return query.has("partNumber") ? "UploadPart" : "PutObject";
    case "POST":
      if (query.has("uploads")) return "CreateMultipartUpload";
      return query.has("uploadId") ? "CompleteMultipartUpload" : "DeleteObjects";
    case "DELETE":
      if (ofBucket) return "DeleteBucket";
      return query.has("uploadId") ? "AbortMultipartUpload" : "DeleteObject";
    case "HEAD":
      return ofBucket ? "HeadBucket" : "HeadObject";
    default:
      if (!ofBucket) return query.has("uploadId") ? "ListParts" : "GetObject";
      return query.has("uploads") ? "ListMultipartUploads" : "ListObjectsV2";
  }
}
