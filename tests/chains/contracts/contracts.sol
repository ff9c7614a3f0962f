// SPDX-License-Identifier: Apache-2.0
// The two contracts that tests/chains puts on a local node. contracts.json holds what solc makes of
// them (runtime code), made with: solc 0.8.37, optimizer 200 runs, EVM version paris.
pragma solidity ^0.8.0;

// A token whose balances are declared at slot 1.
contract Token {
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;

    function decimals() external pure returns (uint8) {
        return 6;
    }

    function mint(address to, uint256 value) external {
        totalSupply += value;
        balanceOf[to] += value;
    }
}

// The two functions of Multicall3 that reading balances needs, with its signatures.
contract Multicall {
    struct Call3 {
        address target;
        bool allowFailure;
        bytes callData;
    }

    struct Result {
        bool success;
        bytes returnData;
    }

    function aggregate3(Call3[] calldata calls) external payable returns (Result[] memory results) {
        results = new Result[](calls.length);
        for (uint256 i = 0; i < calls.length; i++) {
            (bool success, bytes memory data) = calls[i].target.call(calls[i].callData);
            require(success || calls[i].allowFailure, "call failed");
            results[i] = Result(success, data);
        }
    }

    function getEthBalance(address account) external view returns (uint256) {
        return account.balance;
    }
}
