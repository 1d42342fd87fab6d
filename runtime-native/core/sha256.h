#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

typedef struct evp_md_ctx_st EVP_MD_CTX;

namespace berth {

// SHA-256 by OpenSSL, whose symbols the running node exports.
class Sha256 {
 public:
  Sha256();

  void Update(std::span<const uint8_t> bytes);
  // `sha256:<hex>` of everything so far; ends the computation.
  std::string Digest();
  uint64_t count() const { return count_; }

 private:
  struct ContextDeleter {
    void operator()(EVP_MD_CTX* context) const;
  };
  std::unique_ptr<EVP_MD_CTX, ContextDeleter> context_;
  uint64_t count_ = 0;
};

}  // namespace berth
